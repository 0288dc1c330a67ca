{#- Whether a value that was sent, as text, is what the registry says it is: int, number, bool, list,
    timestamp; a number also within least..most, either of which may be missing. Any value is a
    string, and any is json. What is longer than 15 digits no double holds, and is no number that
    an app means. Example:
        {{ fits_type('sent.metadata.accuracy', 'number', '0..1') }} -#}
{% macro fits_type(text, type, range='') -%}
    {{ return(adapter.dispatch('fits_type')(text, type, range)) }}
{%- endmacro %}

{% macro default__fits_type(text, type, range) -%}
    {%- if type == 'int' -%} {{ matches(text, '^[+-]?[0-9]{1,15}([.]0+)?$') }}
    {%- elif type == 'number' -%}
        {{ matches(text, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$') }}
        and abs(try_cast({{ text }} as double)) < 1e15
    {%- elif type == 'bool' -%} {{ text }} in ('true', 'false')
    {%- elif type == 'list' -%} {{ text }} like '[%'
    {%- elif type == 'timestamp' -%} try_cast({{ text }} as timestamp) is not null
    {%- else -%} {{ exceptions.raise_compiler_error(
        "event_registry.csv: " ~ text ~ " is to be of type " ~ type ~ ", which does not exist"
    ) }}
    {%- endif -%}
    {%- if range -%}
        {%- set least, most = range.split('..') -%}
        {%- if least %} and try_cast({{ text }} as double) >= {{ least }}{% endif -%}
        {%- if most %} and try_cast({{ text }} as double) <= {{ most }}{% endif -%}
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
