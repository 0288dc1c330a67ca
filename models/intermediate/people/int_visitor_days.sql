{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select
        *,
        {{ local_date('occurred_at') }} as stat_date
    from {{ ref('int_events_attributed') }}
    where not is_clock_skewed and {{ is_touched('visitor_key') }}
),

openings as (
    select
        *,
        {{ local_date('opened_at') }} as stat_date
    from {{ ref('int_session_openings') }}
    where {{ is_touched('visitor_key') }}
),

sessions as (
    select * from {{ ref('int_sessions') }}
),

summed as (
    select
        visitor_key,
        actor_key,
        actor_kind,
        source_app,
        stat_date,
        -- Of an actor always one: without consent a key ends with its session.
        max(consent_mode) as consent_mode,
        {{ first_by('case when is_deed then device_type end', ['occurred_at', 'event_key']) }}
            as device_type,
        {{ first_by('case when is_deed then browser end', ['occurred_at', 'event_key']) }}
            as browser,
        {{ first_by('case when is_deed then country end', ['occurred_at', 'event_key']) }}
            as country,
        count(*) as event_count,
        count(case when is_deed then 1 end) as deed_count,
        {{ event_measure('pause_count') }} as pause_count,
        {{ event_measure('view_count') }} as view_count,
        {{ event_measure('interaction_count') }} as interaction_count,
        {{ event_measure('materials_viewed') }} as materials_viewed,
        {{ event_measure('materials_completed') }} as materials_completed,
        {{ event_measure('chunks_read') }} as chunks_read,
        {{ event_measure('reading_ms') }} as reading_ms,
        {{ event_measure('annotations') }} as annotations,
        {{ event_measure('questions_viewed') }} as questions_viewed,
        {{ event_measure('questions_attempted') }} as questions_attempted,
        {{ event_measure('questions_correct') }} as questions_correct,
        {{ event_measure('quizzes_completed') }} as quizzes_completed,
        {{ event_measure('ai_interactions') }} as ai_interactions,
        {{ event_measure('hints_requested') }} as hints_requested,
        {{ event_measure('xp_earned') }} as xp_earned,
        {{ event_measure('achievements_unlocked') }} as achievements_unlocked,
        {{ event_measure('prompts_submitted') }} as prompts_submitted,
        {{ event_measure('generations') }} as generations,
        {{ event_measure('sketches_created') }} as sketches_created,
        {{ event_measure('lessons_started') }} as lessons_started,
        {{ event_measure('lessons_completed') }} as lessons_completed,
        {{ event_measure('searches') }} as searches,
        {{ event_measure('error_count') }} as error_count,
        min(case when is_deed then occurred_at end) as first_deed_at,
        max(case when is_deed then occurred_at end) as last_deed_at
    from events
    group by visitor_key, actor_key, actor_kind, source_app, stat_date
),

-- Events go by their own day, a session with its time by the day on which it began.
begun as (
    select
        openings.visitor_key,
        openings.actor_key,
        openings.actor_kind,
        openings.source_app,
        openings.stat_date,
        {{ first_by('sessions.entry_point', ['openings.opened_at', 'openings.session_id']) }}
            as entry_point,
        count(*) as session_count,
        count(case when sessions.is_bounce then 1 end) as bounce_count,
        cast(sum(sessions.duration_seconds) as bigint) as duration_seconds,
        cast(sum(floor(sessions.active_us / 1000000)) as bigint) as active_seconds
    from openings
    inner join sessions on openings.session_id = sessions.session_id
    group by
        openings.visitor_key, openings.actor_key, openings.actor_kind, openings.source_app,
        openings.stat_date
)

select
    summed.visitor_key,
    summed.actor_key,
    summed.actor_kind,
    summed.source_app,
    summed.stat_date,
    summed.consent_mode,
    summed.device_type,
    summed.browser,
    summed.country,
    begun.entry_point,
    summed.event_count,
    summed.deed_count,
    coalesce(begun.session_count, 0) as session_count,
    coalesce(begun.bounce_count, 0) as bounce_count,
    coalesce(begun.duration_seconds, 0) as duration_seconds,
    begun.active_seconds,
    summed.pause_count,
    summed.view_count,
    summed.interaction_count,
    summed.materials_viewed,
    summed.materials_completed,
    summed.chunks_read,
    summed.reading_ms,
    summed.annotations,
    summed.questions_viewed,
    summed.questions_attempted,
    summed.questions_correct,
    summed.quizzes_completed,
    summed.ai_interactions,
    summed.hints_requested,
    summed.xp_earned,
    summed.achievements_unlocked,
    summed.prompts_submitted,
    summed.generations,
    summed.sketches_created,
    summed.lessons_started,
    summed.lessons_completed,
    summed.searches,
    summed.error_count,
    summed.first_deed_at,
    summed.last_deed_at
from summed
left join begun
    on
        summed.visitor_key = begun.visitor_key
        and summed.actor_key = begun.actor_key
        and summed.actor_kind = begun.actor_kind
        and summed.source_app = begun.source_app
        and summed.stat_date = begun.stat_date
