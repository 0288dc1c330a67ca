{{ config(materialized='incremental', unique_key='everything') }}

{#- How far each grain is followed, and how many days a period of a person's own is long. -#}
{%- set grains = [('day', 30, 1), ('week', 52, 7), ('month', 24, 28)] %}
{%- set traits = ['device_type', 'country', 'entry_point', 'user_kind'] %}

with firsts as (
    select * from {{ ref('int_person_firsts') }}
),

active_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

watermark as (
    select
        as_of_date,
        {{ utc_midnight(dbt.dateadd('day', 1, 'as_of_date')) }} as ends_at
    from {{ ref('int_data_watermark') }}
),

-- Everybody three times, with the number of periods that are over: on the calendar, and counted
-- from the first deed.
members as (
    {%- for grain, last_period, own_days in grains %}
    {%- set cohort_start = "cast(" ~ dbt.date_trunc(grain, 'firsts.first_date') ~ " as date)" %}
    select
        firsts.source_app,
        firsts.person_key,
        {%- for trait in traits %}
        firsts.{{ trait }},
        {%- endfor %}
        '{{ grain }}' as cohort_grain,
        {{ last_period }} as last_period,
        {{ cohort_start }} as cohort_start,
        {{ epoch_us('firsts.first_deed_at') }} as first_us,
        {{ own_days }} * 86400000000 as own_period_us,
        {{ periods_between(
            cohort_start, dbt.dateadd('day', 1, 'watermark.as_of_date'), grain
        ) }} as calendar_periods,
        floor(
            ({{ epoch_us('watermark.ends_at') }} - {{ epoch_us('firsts.first_deed_at') }})
            / ({{ own_days }} * 86400000000)
        ) as own_periods
    from firsts
    cross join watermark
    where firsts.first_date <= watermark.as_of_date
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Within a day no more than two periods of a person's own are touched: the first deed's and the
-- last one's.
activity as (
    select
        members.source_app,
        members.person_key,
        members.cohort_grain,
        members.last_period,
        members.calendar_periods,
        members.own_periods,
        case members.cohort_grain
            {%- for grain, _, _ in grains %}
            when '{{ grain }}'
                then {{ periods_between('members.cohort_start', 'active_days.stat_date', grain) }}
            {%- endfor %}
        end as calendar_period,
        floor(
            ({{ epoch_us('active_days.first_deed_at') }} - members.first_us)
            / members.own_period_us
        ) as first_own_period,
        floor(
            ({{ epoch_us('active_days.last_deed_at') }} - members.first_us)
            / members.own_period_us
        ) as last_own_period
    from members
    inner join active_days
        on
            members.person_key = active_days.person_key
            and members.source_app in ('all', active_days.source_app)
    cross join watermark
    where active_days.stat_date <= watermark.as_of_date
),

reached as (
    select
        source_app,
        person_key,
        cohort_grain,
        max(calendar_period) as latest_period,
        max(least(last_period, calendar_periods - 1)) as last_period
    from activity
    group by source_app, person_key, cohort_grain
),

retained as (
    select
        source_app,
        person_key,
        cohort_grain,
        'on' as kind,
        cast(calendar_period as bigint) as period_number
    from activity
    where calendar_period <= last_period and calendar_period < calendar_periods
    union distinct
    select
        source_app,
        person_key,
        cohort_grain,
        'rolling' as kind,
        cast(first_own_period as bigint) as period_number
    from activity
    where first_own_period <= last_period and first_own_period < own_periods
    union distinct
    select
        source_app,
        person_key,
        cohort_grain,
        'rolling' as kind,
        cast(last_own_period as bigint) as period_number
    from activity
    where last_own_period <= last_period and last_own_period < own_periods
    union distinct
    select
        reached.source_app,
        reached.person_key,
        reached.cohort_grain,
        'on_or_after' as kind,
        numbers.number as period_number
    from reached
    inner join {{ numbers_through(52) }} as numbers
        on
            numbers.number <= reached.latest_period
            and numbers.number <= reached.last_period
),

placed as (
    select
        members.*,
        'all' as breakdown_name,
        'all' as breakdown_value
    from members
    {%- for trait in traits %}
    union all
    select
        members.*,
        '{{ trait }}' as breakdown_name,
        members.{{ trait }} as breakdown_value
    from members
    {%- endfor %}
),

retained_counts as (
    select
        placed.source_app,
        placed.breakdown_name,
        placed.breakdown_value,
        placed.cohort_grain,
        placed.cohort_start,
        retained.kind,
        retained.period_number,
        count(*) as retained_count
    from retained
    inner join placed
        on
            retained.source_app = placed.source_app
            and retained.person_key = placed.person_key
            and retained.cohort_grain = placed.cohort_grain
    group by
        placed.source_app, placed.breakdown_name, placed.breakdown_value, placed.cohort_grain,
        placed.cohort_start, retained.kind, retained.period_number
),

-- In a cohort there are but two or three numbers of own periods that are over.
grouped as (
    select
        source_app,
        breakdown_name,
        breakdown_value,
        cohort_grain,
        cohort_start,
        last_period,
        calendar_periods,
        own_periods,
        count(*) as person_count
    from placed
    group by
        source_app, breakdown_name, breakdown_value, cohort_grain, cohort_start, last_period,
        calendar_periods, own_periods
),

cohorts as (
    select
        source_app,
        breakdown_name,
        breakdown_value,
        cohort_grain,
        cohort_start,
        last_period,
        calendar_periods,
        sum(person_count) as cohort_size,
        min(own_periods) as fewest_own_periods,
        max(own_periods) as most_own_periods
    from grouped
    group by
        source_app, breakdown_name, breakdown_value, cohort_grain, cohort_start, last_period,
        calendar_periods
),

-- The first period that is not over is listed as well, and of own periods the last that is over
-- for anybody.
periods as (
    select
        cohorts.*,
        kinds.kind,
        numbers.number as period_number,
        case
            when kinds.kind = 'rolling'
                -- Who may yet join a cohort would make it larger.
                then cohorts.calendar_periods > 0 and numbers.number < cohorts.fewest_own_periods
            else numbers.number < cohorts.calendar_periods
        end as is_complete
    from cohorts
    cross join (
        select 'on' as kind
        union all
        select 'on_or_after' as kind
        union all
        select 'rolling' as kind
    ) as kinds
    inner join {{ numbers_through(52) }} as numbers
        on
            numbers.number <= cohorts.last_period
            and numbers.number <= case
                when kinds.kind = 'rolling'
                    then greatest(cohorts.fewest_own_periods, cohorts.most_own_periods - 1)
                else cohorts.calendar_periods
            end
),

own_eligible as (
    select
        grouped.source_app,
        grouped.breakdown_name,
        grouped.breakdown_value,
        grouped.cohort_grain,
        grouped.cohort_start,
        numbers.number as period_number,
        sum(grouped.person_count) as eligible_count
    from grouped
    inner join {{ numbers_through(52) }} as numbers on grouped.own_periods > numbers.number
    group by
        grouped.source_app, grouped.breakdown_name, grouped.breakdown_value, grouped.cohort_grain,
        grouped.cohort_start, numbers.number
),

counted as (
    select
        periods.*,
        case
            when periods.kind = 'rolling' then coalesce(own_eligible.eligible_count, 0)
            when periods.is_complete then periods.cohort_size
            else 0
        end as eligible_count,
        coalesce(retained_counts.retained_count, 0) as retained_count
    from periods
    left join own_eligible
        on
            periods.source_app = own_eligible.source_app
            and periods.breakdown_name = own_eligible.breakdown_name
            and periods.breakdown_value = own_eligible.breakdown_value
            and periods.cohort_grain = own_eligible.cohort_grain
            and periods.cohort_start = own_eligible.cohort_start
            and periods.period_number = own_eligible.period_number
    left join retained_counts
        on
            periods.source_app = retained_counts.source_app
            and periods.breakdown_name = retained_counts.breakdown_name
            and periods.breakdown_value = retained_counts.breakdown_value
            and periods.cohort_grain = retained_counts.cohort_grain
            and periods.cohort_start = retained_counts.cohort_start
            and periods.kind = retained_counts.kind
            and periods.period_number = retained_counts.period_number
)

select
    source_app,
    breakdown_name,
    breakdown_value,
    cohort_grain,
    cohort_start,
    kind,
    cast(period_number as bigint) as period_number,
    case
        when cohort_grain = 'day' and period_number in (1, 7, 28)
            then concat('D', period_number)
    end as period_name,
    cast(cohort_size as bigint) as cohort_size,
    cast(eligible_count as bigint) as eligible_count,
    cast(retained_count as bigint) as retained_count,
    case when is_complete then cast(retained_count as double) / eligible_count end
        as retention_rate,
    is_complete
from counted
where {{ is_touched('everything') }}
