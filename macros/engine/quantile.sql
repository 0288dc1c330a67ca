{#- An aggregate: the value below which so large a share lies, between two neighbours in proportion.
    Example:
        {{ quantile('seconds', 0.9) }} as p90_seconds -#}
{% macro quantile(value, share) -%}
    {{ return(adapter.dispatch('quantile')(value, share)) }}
{%- endmacro %}

{% macro duckdb__quantile(value, share) -%}
    quantile_cont({{ value }}, {{ share }})
{%- endmacro %}

{% macro spark__quantile(value, share) -%}
    percentile({{ value }}, {{ share }})
{%- endmacro %}
