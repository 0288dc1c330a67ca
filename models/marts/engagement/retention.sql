{{ config(materialized='incremental', unique_key='everything') }}

with members as (
    select * from {{ ref('int_person_cohorts') }}
),

person_returns as (
    select * from {{ ref('int_person_returns') }}
),

return_counts as (
    select
        members.source_app,
        members.breakdown_name,
        members.breakdown_value,
        members.cohort_grain,
        members.cohort_start,
        person_returns.kind,
        person_returns.period_number,
        count(*) as retained_count
    from person_returns
    inner join members
        on
            person_returns.source_app = members.source_app
            and person_returns.person_key = members.person_key
            and person_returns.cohort_grain = members.cohort_grain
    group by
        members.source_app, members.breakdown_name, members.breakdown_value, members.cohort_grain,
        members.cohort_start, person_returns.kind, person_returns.period_number
),

-- Who is back on or after the last period that is a row is so for each one before it.
retained_counts as (
    select
        return_counts.source_app,
        return_counts.breakdown_name,
        return_counts.breakdown_value,
        return_counts.cohort_grain,
        return_counts.cohort_start,
        return_counts.kind,
        numbers.number as period_number,
        sum(return_counts.retained_count) as retained_count
    from return_counts
    inner join {{ numbers_through(52) }} as numbers
        on
            return_counts.period_number = numbers.number
            or (
                return_counts.kind = 'on_or_after'
                and return_counts.period_number > numbers.number
            )
    group by
        return_counts.source_app, return_counts.breakdown_name, return_counts.breakdown_value,
        return_counts.cohort_grain, return_counts.cohort_start, return_counts.kind,
        numbers.number
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
    from members
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

kinds as (
    select 'on' as kind
    union all
    select 'on_or_after' as kind
    union all
    select 'rolling' as kind
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
    cross join kinds
    inner join {{ numbers_through(52) }} as numbers
        on
            cohorts.last_period >= numbers.number
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
