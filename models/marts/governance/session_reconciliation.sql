with events as (
    select
        *,
        {{ unpack_json('properties', {
            'properties': {
                'duration_seconds': 'number',
                'active_seconds': 'number',
                'materials_viewed': 'integer',
                'questions_attempted': 'integer',
                'xp_earned': 'integer',
            },
        }) }} as sent
    from {{ ref('int_events') }}
    where event_name = 'SESSION_END' and source_app = 'studyin'
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
    where event_name = 'SESSION_END'
),

sessions as (
    select * from {{ ref('int_sessions') }}
),

claims as (
    select
        events.event_key,
        attributed.session_id,
        events.source_app,
        events.occurred_at as claimed_at,
        events.sent.properties.duration_seconds as claimed_duration_seconds,
        events.sent.properties.active_seconds as claimed_active_seconds,
        events.sent.properties.materials_viewed as claimed_materials_viewed,
        events.sent.properties.questions_attempted as claimed_questions_attempted,
        events.sent.properties.xp_earned as claimed_xp_earned
    from events
    inner join attributed on events.event_key = attributed.event_key
),

compared as (
    select
        claims.*,
        sessions.duration_seconds,
        cast(floor(sessions.active_us / 1000000) as bigint) as active_seconds,
        sessions.materials_viewed,
        sessions.questions_attempted,
        sessions.xp_earned
    from claims
    inner join sessions on claims.session_id = sessions.session_id
    where
        coalesce(
            claims.claimed_duration_seconds,
            claims.claimed_active_seconds,
            claims.claimed_materials_viewed,
            claims.claimed_questions_attempted,
            claims.claimed_xp_earned
        ) is not null
)

select
    event_key,
    session_id,
    source_app,
    claimed_at,
    claimed_duration_seconds,
    duration_seconds,
    claimed_duration_seconds - duration_seconds as duration_difference,
    claimed_active_seconds,
    active_seconds,
    claimed_active_seconds - active_seconds as active_difference,
    claimed_materials_viewed,
    materials_viewed,
    claimed_materials_viewed - materials_viewed as materials_difference,
    claimed_questions_attempted,
    questions_attempted,
    claimed_questions_attempted - questions_attempted as questions_difference,
    claimed_xp_earned,
    xp_earned,
    claimed_xp_earned - xp_earned as xp_difference
from compared
