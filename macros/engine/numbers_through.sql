{#- The whole numbers from 0 through one, as something to select from. Example:
        select number from {{ numbers_through(52) }} as numbers -#}
{% macro numbers_through(most) -%}
    {{ return(adapter.dispatch('numbers_through')(most)) }}
{%- endmacro %}

{% macro duckdb__numbers_through(most) -%}
    (select unnest(generate_series(0, {{ most }})) as number)
{%- endmacro %}

{% macro spark__numbers_through(most) -%}
    (select explode(sequence(0, {{ most }})) as number)
{%- endmacro %}
