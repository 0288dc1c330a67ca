{#- One number for all that a small table holds, whatever the order of its rows. Example:
        table_fingerprint('event_registry') -#}
{% macro table_fingerprint(model_name) %}
    {%- set node = graph.nodes.values() | selectattr('name', 'equalto', model_name) | first -%}
    {{ return(adapter.dispatch('table_fingerprint')(api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias
    ))) }}
{% endmacro %}

{% macro duckdb__table_fingerprint(relation) %}
    {%- set query -%}
        select coalesce(cast(bit_xor(hash(seed)) as varchar), '') || ':' || count(*)
        from {{ relation }} as seed
    {%- endset -%}
    {{ return(run_query(query).rows[0][0]) }}
{% endmacro %}
