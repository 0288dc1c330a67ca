{{ config(materialized='incremental', unique_key='everything') }}

with days as (
    select * from {{ ref('int_visitor_days') }}
    where deed_count > 0
),

newest as (
    select max(last_deed_at) as last_deed_at
    from days
)

{#- The last instant of the day: midnight is of the next. -#}
{%- set day_after = dbt.dateadd('day', 1, "cast('" ~ var('as_of_date') ~ "' as date)") %}
select
    {% if var('as_of_date') -%}
        {{ dbt.dateadd('microsecond', -1, utc_midnight(day_after)) }}
    {%- else -%}
        last_deed_at
    {%- endif %} as now_at
from newest
where last_deed_at is not null and {{ is_touched('everything') }}
