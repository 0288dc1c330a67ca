{#- Whether a value that was sent, as text, is what the registry says it is: int, number, bool, list,
    timestamp. Any value is a string, and any is json. Example:
        {{ fits_type('sent.metadata.score', 'number') }} -#}
{% macro fits_type(text, type) -%}
    {{ return(adapter.dispatch('fits_type')(text, type)) }}
{%- endmacro %}

{% macro default__fits_type(text, type) -%}
    {%- if type == 'int' -%} {{ matches(text, '^[+-]?[0-9]{1,18}([.]0+)?$') }}
    {%- elif type == 'number' -%}
        {{ matches(text, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$') }}
    {%- elif type == 'bool' -%} {{ text }} in ('true', 'false')
    {%- elif type == 'list' -%} {{ text }} like '[%'
    {%- elif type == 'timestamp' -%} try_cast({{ text }} as timestamp) is not null
    {%- else -%} {{ exceptions.raise_compiler_error("the registry knows no type " ~ type) }}
    {%- endif -%}
{%- endmacro %}

{#- Whether a text matches a pattern that all engines read alike. Example:
        {{ matches('event_type', '^[a-z]+$') }} -#}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    {{ text }} rlike '{{ pattern }}'
{%- endmacro %}
