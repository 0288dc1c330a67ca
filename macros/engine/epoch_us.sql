{#- A timestamp as microseconds since 1970: whole numbers add and compare alike in every engine.
    Example:
        {{ epoch_us('occurred_at') }} -#}
{% macro epoch_us(timestamp) -%}
    {{ return(adapter.dispatch('epoch_us')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__epoch_us(timestamp) -%}
    epoch_us({{ timestamp }})
{%- endmacro %}

{% macro spark__epoch_us(timestamp) -%}
    unix_micros({{ timestamp }})
{%- endmacro %}

{#- And back. Example:
        {{ from_epoch_us('started_us') }} -#}
{% macro from_epoch_us(microseconds) -%}
    {{ return(adapter.dispatch('from_epoch_us')(microseconds)) }}
{%- endmacro %}

{% macro duckdb__from_epoch_us(microseconds) -%}
    make_timestamp({{ microseconds }})
{%- endmacro %}

{% macro spark__from_epoch_us(microseconds) -%}
    timestamp_micros({{ microseconds }})
{%- endmacro %}
