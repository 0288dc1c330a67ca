with sessions as (
    select * from {{ ref('int_sessions') }}
),

openings as (
    select * from {{ ref('int_session_openings') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
)

select
    sessions.session_id,
    sessions.source_app,
    coalesce(actor_persons.person_key, openings.actor_key) as person_key,
    case when openings.actor_kind = 'user' then openings.actor_key end as user_key,
    sessions.anonymous_key,
    sessions.client_session_id,
    sessions.started_at,
    sessions.ended_at,
    sessions.duration_seconds,
    cast(floor(sessions.active_us / 1000000) as bigint) as active_seconds,
    sessions.event_count,
    sessions.pause_count,
    not sessions.is_ended
    and not sessions.is_followed
    and sessions.ended_at >= {{ dbt.dateadd(
        'minute',
        "-" ~ var('session_timeout_minutes'),
        utc_midnight(dbt.dateadd('day', 1, 'watermark.as_of_date'))
    ) }} as is_active,
    sessions.is_ended,
    sessions.materials_viewed,
    sessions.materials_completed,
    sessions.chunks_read,
    sessions.questions_viewed,
    sessions.questions_attempted,
    sessions.questions_correct,
    sessions.ai_interactions,
    sessions.xp_earned,
    sessions.achievements_unlocked,
    sessions.prompts_submitted,
    sessions.sketches_created,
    sessions.error_count,
    sessions.view_count,
    sessions.interaction_count,
    sessions.session_depth,
    sessions.entry_point,
    sessions.exit_point,
    sessions.is_bounce,
    sessions.device_type,
    sessions.country,
    sessions.load_id,
    {{ local_date('sessions.started_at') }} as session_date
from sessions
inner join openings on sessions.session_id = openings.session_id
left join actor_persons
    on
        openings.actor_key = actor_persons.actor_key
        and openings.actor_kind = actor_persons.actor_kind
cross join watermark
