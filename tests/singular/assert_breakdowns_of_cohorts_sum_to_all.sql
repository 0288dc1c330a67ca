-- A person without a value is lost from a breakdown, or one with two is counted twice. Own periods are
-- compared where they are complete: a part of a cohort may be complete before the whole.
with retention as (
    select * from {{ ref('retention') }}
    where kind <> 'rolling' or is_complete
),

wholes as (
    select * from retention
    where breakdown_name = 'all'
),

sums as (
    select
        source_app,
        breakdown_name,
        cohort_grain,
        cohort_start,
        kind,
        period_number,
        sum(cohort_size) as cohort_size,
        sum(eligible_count) as eligible_count,
        sum(retained_count) as retained_count
    from retention
    where breakdown_name <> 'all'
    group by source_app, breakdown_name, cohort_grain, cohort_start, kind, period_number
),

names as (
    select distinct breakdown_name from sums
),

weeks as (
    select
        source_app,
        cohort_start,
        week_number,
        breakdown_name,
        sum(cohort_size) as cohort_size,
        sum(active_people_count) as active_people_count,
        sum(session_count) as session_count
    from {{ ref('cohort_behaviour') }}
    group by source_app, cohort_start, week_number, breakdown_name
),

differing as (
    select
        wholes.source_app,
        names.breakdown_name,
        wholes.cohort_grain,
        wholes.cohort_start,
        wholes.period_number
    from wholes
    cross join names
    left join sums
        on
            wholes.source_app = sums.source_app
            and names.breakdown_name = sums.breakdown_name
            and wholes.cohort_grain = sums.cohort_grain
            and wholes.cohort_start = sums.cohort_start
            and wholes.kind = sums.kind
            and wholes.period_number = sums.period_number
    where
        wholes.cohort_size is distinct from sums.cohort_size
        or wholes.eligible_count is distinct from sums.eligible_count
        or wholes.retained_count is distinct from sums.retained_count
    union all
    select
        weeks.source_app,
        weeks.breakdown_name,
        'week' as cohort_grain,
        weeks.cohort_start,
        weeks.week_number as period_number
    from weeks
    inner join weeks as wholes
        on
            weeks.source_app = wholes.source_app
            and weeks.cohort_start = wholes.cohort_start
            and weeks.week_number = wholes.week_number
            and wholes.breakdown_name = 'all'
    where
        weeks.cohort_size <> wholes.cohort_size
        or weeks.active_people_count <> wholes.active_people_count
        or weeks.session_count <> wholes.session_count
)

select * from differing
