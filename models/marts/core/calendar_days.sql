{{ config(materialized='incremental', unique_key='everything') }}

with active_days as (
    select * from {{ ref('int_visitor_days') }}
    where deed_count > 0
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

span as (
    select
        min(stat_date) as first_date,
        max(stat_date) as last_date
    from active_days
),

dates as (
    select {{ each_date('first_date', 'last_date') }} as calendar_date
    from span
)

select
    dates.calendar_date,
    cast({{ dbt.date_trunc('week', 'dates.calendar_date') }} as date) as week_start,
    cast({{ dbt.date_trunc('month', 'dates.calendar_date') }} as date) as month_start,
    cast(
        {{ dbt.datediff(
            dbt.date_trunc('week', 'dates.calendar_date'), 'dates.calendar_date', 'day'
        ) }} + 1 as bigint
    ) as weekday,
    dates.calendar_date <= watermark.as_of_date as is_complete
from dates
cross join watermark
where {{ is_touched('everything') }}
