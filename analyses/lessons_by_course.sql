-- Of the lessons that people start, how many do they finish, course by course?
--
-- A person's lesson counts once, however often it is started, and is completed where that happens
-- within seven days of the first start. Lessons started in the last eight days are left out, for
-- they can still be finished in time. Without consent each session is a person, so a lesson
-- finished in another visit looks unfinished: only people with consent count. Minutes are those
-- on the wall clock.

with events as (
    select * from {{ ref('events') }}
),

active_users as (
    select * from {{ ref('active_users') }}
),

last_day as (
    select max(activity_date) as last_date
    from active_users
    where is_complete
),

lesson_events as (
    select
        course_id,
        lesson_id,
        person_key,
        occurred_at,
        event_name
    from events
    where
        event_name in ('LESSON_START', 'LESSON_COMPLETE')
        and lesson_id is not null
        and not is_clock_skewed
        and consent_mode = 'full'
),

started as (
    select
        course_id,
        lesson_id,
        person_key,
        min(occurred_at) as started_at
    from lesson_events
    where event_name = 'LESSON_START'
    group by course_id, lesson_id, person_key
),

-- Seven times 24 hours, and a day to spare: where days end depends on reporting_timezone.
watched as (
    select started.*
    from started
    cross join last_day
    where started.started_at < {{ dbt.dateadd('day', -7, 'last_day.last_date') }}
),

-- A completion before the first start that we know of does not count.
finished as (
    select
        watched.course_id,
        watched.lesson_id,
        watched.person_key,
        watched.started_at,
        min(lesson_events.occurred_at) as completed_at
    from watched
    left join lesson_events
        on
            watched.course_id = lesson_events.course_id
            and watched.lesson_id = lesson_events.lesson_id
            and watched.person_key = lesson_events.person_key
            and watched.started_at <= lesson_events.occurred_at
            and {{ dbt.dateadd('day', 7, 'watched.started_at') }} >= lesson_events.occurred_at
            and lesson_events.event_name = 'LESSON_COMPLETE'
    group by watched.course_id, watched.lesson_id, watched.person_key, watched.started_at
),

timed as (
    select
        *,
        ({{ epoch_us('completed_at') }} - {{ epoch_us('started_at') }}) / 1000000 as seconds_taken
    from finished
)

select
    course_id,
    count(distinct person_key) as person_count,
    count(*) as started_count,
    count(completed_at) as completed_count,
    cast(count(completed_at) as double) / count(*) as completion_rate,
    {{ quantile('seconds_taken', 0.5) }} / 60 as median_minutes
from timed
group by course_id
order by completion_rate asc, course_id asc
