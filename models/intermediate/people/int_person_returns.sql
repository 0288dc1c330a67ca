with members as (
    select * from {{ ref('int_person_cohorts') }}
    where breakdown_name = 'all'
),

active_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

utc_days as (
    select * from {{ ref('int_visitor_utc_days') }}
    where consent_mode = 'full'
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

activity as (
    select
        members.*,
        active_days.stat_date
    from members
    inner join active_days
        on
            members.person_key = active_days.person_key
            and members.source_app in ('all', active_days.source_app)
    cross join watermark
    where active_days.stat_date <= watermark.as_of_date
),

numbered as (
    select
        *,
        case cohort_grain
            when 'day' then {{ periods_between('cohort_start', 'stat_date', 'day') }}
            when 'week' then {{ periods_between('cohort_start', 'stat_date', 'week') }}
            when 'month' then {{ periods_between('cohort_start', 'stat_date', 'month') }}
        end as calendar_period
    from activity
),

-- In 24 hours no more than two periods of a person's own are touched: the first deed's and the last
-- one's. A day of the reporting timezone can be longer.
own_activity as (
    select
        members.source_app,
        members.person_key,
        members.cohort_grain,
        members.last_period,
        members.own_periods,
        cast(
            floor(
                (
                    {{ epoch_us('utc_days.first_deed_at') }}
                    - {{ epoch_us('members.first_deed_at') }}
                ) / members.own_period_us
            ) as bigint
        ) as first_own_period,
        cast(
            floor(
                (
                    {{ epoch_us('utc_days.last_deed_at') }}
                    - {{ epoch_us('members.first_deed_at') }}
                ) / members.own_period_us
            ) as bigint
        ) as last_own_period
    from utc_days
    left join actor_persons
        on
            utc_days.actor_key = actor_persons.actor_key
            and utc_days.actor_kind = actor_persons.actor_kind
    inner join members
        on
            coalesce(actor_persons.person_key, utc_days.actor_key) = members.person_key
            and members.source_app in ('all', utc_days.source_app)
),

latest as (
    select
        source_app,
        person_key,
        cohort_grain,
        max(calendar_period) as calendar_period,
        max(least(last_period, calendar_periods - 1)) as last_period
    from numbered
    group by source_app, person_key, cohort_grain
),

-- A period in which somebody was active on several days, or in several apps, is one.
returns as (
    select
        source_app,
        person_key,
        cohort_grain,
        'on' as kind,
        calendar_period as period_number
    from numbered
    where calendar_period <= last_period and calendar_period < calendar_periods
    union distinct
    select
        source_app,
        person_key,
        cohort_grain,
        'rolling' as kind,
        first_own_period as period_number
    from own_activity
    where first_own_period <= last_period and first_own_period < own_periods
    union distinct
    select
        source_app,
        person_key,
        cohort_grain,
        'rolling' as kind,
        last_own_period as period_number
    from own_activity
    where last_own_period <= last_period and last_own_period < own_periods
    union distinct
    select
        source_app,
        person_key,
        cohort_grain,
        'on_or_after' as kind,
        least(calendar_period, last_period) as period_number
    from latest
    where last_period >= 0
)

select
    source_app,
    person_key,
    cohort_grain,
    kind,
    period_number
from returns
