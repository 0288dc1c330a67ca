-- What did our most active signed-in person do, step by step, through all apps?
--
-- One row an event, the first 500. Where is_activity is false a server or a job tells what came
-- of it. visit_number counts the visits; a large number of seconds at the start of one is the
-- time away. To follow somebody else, let `followed` select a person_key of your choice. Without
-- consent nobody has a journey: each session is a person of its own. Events of a wrong clock are
-- left out, for they would stand in the wrong place.

with events as (
    select * from {{ ref('events') }}
),

users as (
    select * from {{ ref('users') }}
),

daily_user_stats as (
    select * from {{ ref('daily_user_stats') }}
),

followed as (
    select
        daily_user_stats.person_key,
        sum(daily_user_stats.deed_count) as deed_count
    from daily_user_stats
    inner join users on daily_user_stats.person_key = users.person_key
    where not users.is_anonymous
    group by daily_user_stats.person_key
    order by deed_count desc, daily_user_stats.person_key asc
    limit 1
),

journey as (
    select
        events.*,
        row_number() over (order by events.occurred_at, events.event_key) as place,
        lag(events.occurred_at) over (order by events.occurred_at, events.event_key)
            as occurred_before
    from events
    inner join followed on events.person_key = followed.person_key
    where not events.is_clock_skewed
),

visits as (
    select
        session_id,
        row_number() over (order by min(occurred_at), session_id) as visit_number
    from journey
    where session_id is not null
    group by session_id
)

select
    journey.occurred_at,
    visits.visit_number,
    journey.source_app,
    journey.event_name,
    journey.is_activity,
    coalesce(
        journey.page_path,
        journey.lesson_id,
        journey.question_id,
        journey.material_id,
        journey.topic_id,
        journey.sketch_id
    ) as page_or_object,
    ({{ epoch_us('journey.occurred_at') }} - {{ epoch_us('journey.occurred_before') }}) / 1000000
        as seconds_since_last_event,
    journey.event_key
from journey
left join visits on journey.session_id = visits.session_id
where journey.place <= 500
order by journey.occurred_at, journey.event_key
