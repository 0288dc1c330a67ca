{#- The apps whose events are read: those that models/staging/<app>/_<app>__sources.yml name. Asked of
    the project, so that one more app is no list's business. Example:
        accepted_values: {arguments: {values: "{{ apps() }}"}} -#}
{% macro apps(and_also=[]) %}
    {%- set tables = graph.get('sources', {}).values() -%}
    {%- set found = tables | map(attribute='source_name') | reject('equalto', 'door') -%}
    {{ return(and_also + (found | unique | sort)) }}
{% endmacro %}

{#- Streams of events, not of extracts, each as app.stream: the raw tables that have an event_key, as
    the door makes them by the source files. Example:
        concat(source_app, '.', stream) in ({{ event_streams() }}) -#}
{% macro event_streams() -%}
    {%- set found = ["''"] -%}
    {%- set tables = graph.get('sources', {}).values() if execute else [] -%}
    {%- for table in tables | sort(attribute='unique_id') -%}
        {%- set columns = adapter.get_columns_in_relation(api.Relation.create(
            database=target.database, schema=table.schema, identifier=table.identifier
        )) -%}
        {%- if 'event_key' in columns | map(attribute='name') -%}
            {%- do found.append("'" ~ table.source_name ~ "." ~ table.name ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | join(', ')) }}
{%- endmacro %}
