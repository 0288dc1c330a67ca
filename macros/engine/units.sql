{#- A double as a whole number of 2^-46: sums of those have the same bits in any order, on any number
    of threads, and sums of doubles have not. Within ±131,072. Example:
        {{ from_units('sum(' ~ units('weight * error') ~ ')') }} -#}
{% macro units(value) -%}
    {{ return(adapter.dispatch('units')(value)) }}
{%- endmacro %}

{% macro duckdb__units(value) -%}
    cast(round(({{ value }}) * 70368744177664) as bigint)
{%- endmacro %}

{#- Spark's sums of bigint would overflow silently; DuckDB's are wider than what they sum. -#}
{% macro spark__units(value) -%}
    cast(round(({{ value }}) * 70368744177664) as decimal(38, 0))
{%- endmacro %}

{#- And back. Example:
        {{ from_units('error_units') }} -#}
{% macro from_units(units) -%}
    (cast({{ units }} as double) / 70368744177664)
{%- endmacro %}
