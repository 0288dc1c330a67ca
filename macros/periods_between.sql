{#- Days, ISO weeks or months from the first day of one to any later day. Not dbt.datediff for weeks:
    its weeks begin on Sunday. Example:
        {{ periods_between('cohort_start', 'stat_date', 'week') }} as period_number -#}
{% macro periods_between(start, later_date, grain) -%}
    {%- if grain == 'week' -%}
        cast(floor({{ dbt.datediff(start, later_date, 'day') }} / 7) as bigint)
    {%- else -%}
        {{ dbt.datediff(start, later_date, grain) }}
    {%- endif -%}
{%- endmacro %}
