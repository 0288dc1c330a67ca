-- Hours of the week, calendars and days are three views of the same deeds: their totals agree.
with of_days as (
    select
        source_app,
        sum(deed_count) as deed_count,
        sum(session_count) as session_count
    from {{ ref('int_person_days') }}
    group by source_app
    having sum(deed_count) > 0
),

of_hours as (
    select
        source_app,
        sum(deed_count) as deed_count,
        sum(session_count) as session_count
    from {{ ref('activity_by_hour') }}
    group by source_app
),

of_consenting as (
    select coalesce(sum(deed_count), 0) as deed_count
    from {{ ref('int_person_days') }}
    where consent_mode = 'full'
),

of_calendars as (
    select coalesce(sum(activity_count), 0) as deed_count
    from {{ ref('activity_heatmap') }}
)

select
    'hours of ' || coalesce(of_days.source_app, of_hours.source_app) as what,
    of_days.deed_count as expected_count,
    of_hours.deed_count as found_count
from of_days
full outer join of_hours on of_days.source_app = of_hours.source_app
where
    of_days.deed_count is distinct from of_hours.deed_count
    or of_days.session_count is distinct from of_hours.session_count
union all
select
    'calendars',
    of_consenting.deed_count,
    of_calendars.deed_count
from of_consenting
cross join of_calendars
where of_consenting.deed_count <> of_calendars.deed_count
