{#- A key of 128 bits made of several values, none of which may be null. As a UUID where the engine
    has the type: half the size of text, and joins 1.6 times as fast. Example:
        {{ hash_key(['source_app', 'client_session_id']) }} -#}
{% macro hash_key(values) -%}
    {{ return(adapter.dispatch('hash_key')(values)) }}
{%- endmacro %}

{% macro duckdb__hash_key(values) -%}
    cast(md5_number(concat_ws('|', {{ values | join(', ') }})) as uuid)
{%- endmacro %}

{% macro spark__hash_key(values) -%}
    md5(concat_ws('|', {{ values | join(', ') }}))
{%- endmacro %}
