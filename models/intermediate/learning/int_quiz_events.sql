{{ config(materialized='incremental', unique_key='visitor_key') }}

{%- set of_quizzes = "event_name in ('QUIZ_START', 'QUIZ_COMPLETE', 'SKILL_ASSESS')" %}

with events as (
    select
        *,
        -- What lies in `properties` is studyin's, what lies in `metadata` the academy's.
        {{ unpack_json('properties', {
            'properties': {
                'quiz_type': 'string',
                'total_questions': 'number',
                'correct_answers': 'number',
                'accuracy': 'number',
                'total_time_seconds': 'number',
            },
            'metadata': {
                'skill': 'string',
                'score': 'number',
            },
        }) }} as sent
    from {{ ref('int_events') }}
    where {{ of_quizzes }} and {{ is_touched('visitor_key') }}
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
    where {{ of_quizzes }} and not is_clock_skewed and {{ is_touched('visitor_key') }}
)

select
    events.event_key,
    events.visitor_key,
    attributed.actor_key,
    attributed.actor_kind,
    attributed.session_id,
    events.source_app,
    events.event_name,
    events.quiz_id,
    events.sent.metadata.skill,
    events.sent.properties.quiz_type,
    events.consent_mode,
    -- The registry has seen to these where a study app sends them, and to no other app's. A cast is
    -- made even of what the condition leaves out, so it is bounded as well.
    case
        when abs(events.sent.properties.total_questions) < 1e15
            then
                cast(least(greatest(events.sent.properties.total_questions, -1e15), 1e15) as bigint)
    end as total_questions,
    case
        when abs(events.sent.properties.correct_answers) < 1e15
            then
                cast(least(greatest(events.sent.properties.correct_answers, -1e15), 1e15) as bigint)
    end as correct_answers,
    events.sent.properties.accuracy as claimed_accuracy,
    events.sent.metadata.score as claimed_score,
    events.sent.properties.total_time_seconds,
    events.occurred_at
from events
inner join attributed on events.event_key = attributed.event_key
