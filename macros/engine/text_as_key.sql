{#- A keyed hash that was read out of JSON, in the type that the raw tables' keys have. Example:
        {{ text_as_key('mapped.studyin') }} as external_user_key -#}
{% macro text_as_key(text) -%}
    {{ return(adapter.dispatch('text_as_key')(text)) }}
{%- endmacro %}

{% macro duckdb__text_as_key(text) -%}
    cast({{ text }} as uuid)
{%- endmacro %}

{% macro spark__text_as_key(text) -%}
    {{ text }}
{%- endmacro %}
