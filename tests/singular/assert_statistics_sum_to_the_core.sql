-- Days, weeks, sessions and people count the same events: nothing is lost or doubled on the way to a rollup.
with of_days as (
    select
        sum(session_count) as session_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(event_count) as event_count,
        sum(questions_attempted) as questions_attempted,
        sum(questions_correct) as questions_correct,
        sum(prompts_submitted) as prompts_submitted,
        sum(xp_earned) as xp_earned,
        sum(pause_count) as pause_count,
        sum(view_count) as view_count,
        sum(interaction_count) as interaction_count,
        sum(bounce_count) as bounce_count
    from {{ ref('daily_user_stats') }}
),

of_weeks as (
    select
        sum(session_count) as session_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(event_count) as event_count,
        sum(questions_attempted) as questions_attempted,
        sum(questions_correct) as questions_correct,
        sum(prompts_submitted) as prompts_submitted,
        sum(xp_earned) as xp_earned,
        sum(pause_count) as pause_count,
        sum(view_count) as view_count,
        sum(interaction_count) as interaction_count,
        sum(bounce_count) as bounce_count
    from {{ ref('weekly_user_stats') }}
),

of_sessions as (
    select
        count(*) as session_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(pause_count) as pause_count,
        sum(view_count) as view_count,
        sum(interaction_count) as interaction_count,
        count(case when is_bounce then 1 end) as bounce_count
    from {{ ref('sessions') }}
),

of_users as (
    select
        sum(questions_attempted) as questions_attempted,
        sum(questions_correct) as questions_correct,
        sum(total_prompts) as prompts_submitted,
        sum(xp_earned) as xp_earned
    from {{ ref('users') }}
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
cross join of_users
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
    or of_days.pause_count <> of_sessions.pause_count
    or of_weeks.pause_count <> of_days.pause_count
    or of_days.view_count <> of_sessions.view_count
    or of_weeks.view_count <> of_days.view_count
    or of_days.interaction_count <> of_sessions.interaction_count
    or of_weeks.interaction_count <> of_days.interaction_count
    or of_days.bounce_count <> of_sessions.bounce_count
    or of_weeks.bounce_count <> of_days.bounce_count
    or of_weeks.questions_attempted <> of_days.questions_attempted
    or of_users.questions_attempted <> of_days.questions_attempted
    or of_weeks.questions_correct <> of_days.questions_correct
    or of_users.questions_correct <> of_days.questions_correct
    or of_weeks.prompts_submitted <> of_days.prompts_submitted
    or of_users.prompts_submitted <> of_days.prompts_submitted
    or of_weeks.xp_earned <> of_days.xp_earned
    or of_users.xp_earned <> of_days.xp_earned
