{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select
        event_key,
        question_id,
        topic_id,
        {{ unpack_json('properties', {
            'properties': {
                'selected_answer': 'string',
                'correct_answer': 'string',
                'confidence_level': 'integer',
                'attempt_number': 'integer',
                'is_first_attempt': 'boolean',
                'hint_used': 'boolean',
            },
        }) }} as sent
    from {{ ref('int_events') }}
    where
        event_name in (
            'QUESTION_VIEW', 'QUESTION_SUBMIT', 'AI_HINT_REQUESTED', 'AI_EXPLANATION_REQUESTED'
        )
        and {{ is_touched('visitor_key') }}
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
    where not is_clock_skewed and {{ is_touched('visitor_key') }}
)

select
    attributed.event_key,
    attributed.visitor_key,
    attributed.actor_key,
    attributed.actor_kind,
    attributed.session_id,
    attributed.source_app,
    attributed.event_name,
    events.question_id,
    events.topic_id,
    attributed.consent_mode,
    attributed.is_correct,
    attributed.duration_ms,
    events.sent.properties.selected_answer,
    events.sent.properties.correct_answer,
    events.sent.properties.confidence_level,
    events.sent.properties.attempt_number as claimed_attempt_number,
    events.sent.properties.is_first_attempt as claimed_is_first_attempt,
    events.sent.properties.hint_used as claimed_hint_used,
    attributed.occurred_at
from events
inner join attributed on events.event_key = attributed.event_key
where events.question_id is not null
