{{ config(materialized='incremental', unique_key='everything') }}

with person_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

active_weeks as (
    select
        person_key,
        cast({{ dbt.date_trunc('week', 'stat_date') }} as date) as week_start,
        count(distinct stat_date) as active_days
    from person_days
    group by person_key, cast({{ dbt.date_trunc('week', 'stat_date') }} as date)
),

-- A week is complete with its Sunday, so the day after today begins the next one or continues one.
tomorrow as (
    select {{ dbt.dateadd('day', 1, 'as_of_date') }} as next_date
    from watermark
),

last_complete as (
    select
        cast({{ dbt.dateadd('day', -7, dbt.date_trunc('week', 'next_date')) }} as date)
            as week_start
    from tomorrow
),

spans as (
    select
        active_weeks.person_key,
        min(active_weeks.week_start) as first_week,
        max(last_complete.week_start) as last_week
    from active_weeks
    cross join last_complete
    group by active_weeks.person_key
),

weeks as (
    select
        person_key,
        {{ each_date('first_week', 'last_week', 7) }} as week_start
    from spans
    where first_week <= last_week
),

placed as (
    select
        weeks.person_key,
        weeks.week_start,
        active_weeks.active_days,
        max(active_weeks.week_start) over (
            partition by weeks.person_key order by weeks.week_start
            rows between unbounded preceding and 1 preceding
        ) as last_active_week
    from weeks
    left join active_weeks
        on
            weeks.person_key = active_weeks.person_key
            and weeks.week_start = active_weeks.week_start
),

counted as (
    select
        *,
        {{ dbt.datediff('last_active_week', 'week_start', 'day') }} / 7 as weeks_since_last
    from placed
)

select
    week_start,
    person_key,
    case
        when active_days is null then 'dormant'
        when weeks_since_last is null then 'new'
        when weeks_since_last <= 1 then 'retained'
        when weeks_since_last <= 5 then 'returning'
        else 'resurrected'
    end as lifecycle_state,
    coalesce(active_days, 0) as active_days,
    cast(weeks_since_last as bigint) as weeks_since_last
from counted
where {{ is_touched('everything') }}
