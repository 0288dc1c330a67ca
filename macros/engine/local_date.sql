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

{#- The UTC timestamp at which a day of the reporting timezone begins. Example:
        {{ utc_midnight('stat_date') }} -#}
{% macro utc_midnight(date) -%}
    {%- if var('reporting_timezone') == 'UTC' -%} cast({{ date }} as timestamp)
    {%- else -%} {{ return(adapter.dispatch('utc_midnight')(date)) }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__utc_midnight(date) -%}
    timezone('UTC', timezone('{{ var('reporting_timezone') }}', cast({{ date }} as timestamp)))
{%- endmacro %}

{% macro spark__utc_midnight(date) -%}
    to_utc_timestamp(cast({{ date }} as timestamp), '{{ var('reporting_timezone') }}')
{%- endmacro %}
