with members as (
    select * from {{ ref('int_person_cohorts') }}
    where breakdown_name = 'all'
),

active_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

-- In 24 hours no more than two periods of a person's own are touched: the first deed's and the last
-- one's.
activity as (
    select
        members.*,
        case members.cohort_grain
            {%- for grain in ['day', 'week', 'month'] %}
            when '{{ grain }}'
                then {{ periods_between('members.cohort_start', 'active_days.stat_date', grain) }}
            {%- endfor %}
        end as calendar_period,
        {%- for end in ['first', 'last'] %}
        cast(floor(
            (
                {{ epoch_us('active_days.' ~ end ~ '_deed_at') }}
                - {{ epoch_us('members.first_deed_at') }}
            ) / members.own_period_us
        ) as bigint) as {{ end }}_own_period{{ "," if not loop.last }}
        {%- endfor %}
    from members
    inner join active_days
        on
            members.person_key = active_days.person_key
            and members.source_app in ('all', active_days.source_app)
    cross join watermark
    where active_days.stat_date <= watermark.as_of_date
),

latest as (
    select
        source_app,
        person_key,
        cohort_grain,
        max(calendar_period) as calendar_period,
        max(least(last_period, calendar_periods - 1)) as last_period
    from activity
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
    from activity
    where calendar_period <= last_period and calendar_period < calendar_periods
    union distinct
    {%- for end in ['first', 'last'] %}
    select
        source_app,
        person_key,
        cohort_grain,
        'rolling' as kind,
        {{ end }}_own_period as period_number
    from activity
    where {{ end }}_own_period <= last_period and {{ end }}_own_period < own_periods
    union distinct
    {%- endfor %}
    select
        latest.source_app,
        latest.person_key,
        latest.cohort_grain,
        'on_or_after' as kind,
        numbers.number as period_number
    from latest
    inner join {{ numbers_through(52) }} as numbers
        on
            numbers.number <= latest.calendar_period
            and numbers.number <= latest.last_period
)

select
    source_app,
    person_key,
    cohort_grain,
    kind,
    period_number
from returns
