-- Days, weeks and sessions count the same events: nothing is lost or doubled on the way to a rollup.
with of_days as (
    select
        sum(session_count) as session_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(event_count) as event_count,
        sum(questions_attempted) as questions_attempted
    from {{ ref('daily_user_stats') }}
),

of_weeks as (
    select
        sum(session_count) as session_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(event_count) as event_count,
        sum(questions_attempted) as questions_attempted
    from {{ ref('weekly_user_stats') }}
),

of_sessions as (
    select
        count(*) as session_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds
    from {{ ref('sessions') }}
),

of_events as (
    select
        count(*) as event_count,
        count(case when event_name = 'QUESTION_SUBMIT' then 1 end) as questions_attempted
    from {{ ref('events') }}
    where not is_clock_skewed
)

select *
from of_days
cross join of_weeks
cross join of_sessions
cross join of_events
where
    of_days.session_count <> of_sessions.session_count
    or of_days.duration_seconds <> of_sessions.duration_seconds
    or of_days.active_seconds <> of_sessions.active_seconds
    or of_days.event_count <> of_events.event_count
    or of_days.questions_attempted <> of_events.questions_attempted
    or of_weeks.session_count <> of_days.session_count
    or of_weeks.duration_seconds <> of_days.duration_seconds
    or of_weeks.active_seconds <> of_days.active_seconds
    or of_weeks.event_count <> of_days.event_count
