{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select
        event_key,
        event_name,
        source_app,
        consent_mode,
        achievement_id,
        xp_amount,
        occurred_at,
        {{ unpack_json('properties', {
            'properties': {
                'xp_source': 'string',
                'achievement_name': 'string',
                'achievement_type': 'string',
                'new_total_xp': 'integer',
                'total_xp': 'integer',
                'new_level': 'integer',
                'old_level': 'integer',
                'xp_reward': 'integer',
                'new_streak': 'integer',
                'old_streak': 'integer',
                'is_new_record': 'boolean',
            },
        }) }} as sent
    from {{ ref('int_events') }}
    where
        event_category = 'GAMIFICATION'
        and not is_clock_skewed
        and {{ is_touched('visitor_key') }}
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
    where {{ is_touched('visitor_key') }}
)

select
    events.event_key,
    attributed.visitor_key,
    attributed.actor_key,
    attributed.actor_kind,
    attributed.session_id,
    events.source_app,
    events.event_name,
    events.consent_mode,
    events.xp_amount,
    events.sent.properties.xp_source,
    events.sent.properties.new_total_xp,
    events.sent.properties.new_level,
    events.sent.properties.old_level,
    events.sent.properties.total_xp,
    events.achievement_id,
    events.sent.properties.achievement_name,
    events.sent.properties.achievement_type,
    events.sent.properties.xp_reward,
    events.sent.properties.new_streak,
    events.sent.properties.old_streak,
    events.sent.properties.is_new_record,
    events.occurred_at
from events
inner join attributed on events.event_key = attributed.event_key
