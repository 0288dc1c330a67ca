{#- In a select list: a row for each date from the first to the last, so many days apart. Example:
        select {{ each_date('first_date', 'last_date', 7) }} as week_start from spans -#}
{% macro each_date(first, last, days=1) -%}
    {{ return(adapter.dispatch('each_date')(first, last, days)) }}
{%- endmacro %}

{% macro duckdb__each_date(first, last, days) -%}
    cast(
        unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval {{ days }} day))
        as date
    )
{%- endmacro %}

{% macro spark__each_date(first, last, days) -%}
    explode(sequence({{ first }}, {{ last }}, interval {{ days }} day))
{%- endmacro %}
