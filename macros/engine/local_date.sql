{#- The day, in the reporting timezone, of a UTC timestamp. Example:
        {{ local_date('occurred_at') }} as stat_date -#}
{% macro local_date(timestamp) -%}
    {%- if var('reporting_timezone') == 'UTC' -%} cast({{ timestamp }} as date)
    {%- else -%} {{ return(adapter.dispatch('local_date')(timestamp)) }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__local_date(timestamp) -%}
    cast(timezone('{{ var('reporting_timezone') }}', timezone('UTC', {{ timestamp }})) as date)
{%- endmacro %}

{% macro spark__local_date(timestamp) -%}
    cast(from_utc_timestamp({{ timestamp }}, '{{ var('reporting_timezone') }}') as date)
{%- endmacro %}
