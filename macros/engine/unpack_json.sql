{#- A JSON column as one struct, all fields read in one pass: a call a field parses the text anew
    each time. A field that is missing or does not fit its type is null, never an error. Types:
    string, integer, number, boolean, json. Example:
        {{ unpack_json('properties', {'metadata': {'score': 'number'}}) }} as sent
        … sent.metadata.score -#}
{% macro unpack_json(column, fields) -%}
    {{ return(adapter.dispatch('unpack_json')(column, fields)) }}
{%- endmacro %}

{% macro duckdb__unpack_json(column, fields) -%}
    from_json({{ column }}, '{{ tojson(duckdb_json_structure(fields)) }}')
{%- endmacro %}

{% macro duckdb_json_structure(fields) %}
    {%- set types = {
        'string': 'VARCHAR',
        'integer': 'BIGINT',
        'number': 'DOUBLE',
        'boolean': 'BOOLEAN',
        'json': 'JSON',
    } -%}
    {%- set structure = {} -%}
    {%- for name, type in fields.items() -%}
        {%- do structure.update(
            {name: duckdb_json_structure(type) if type is mapping else types[type]}
        ) -%}
    {%- endfor -%}
    {{ return(structure) }}
{% endmacro %}
