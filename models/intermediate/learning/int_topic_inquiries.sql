{{ config(materialized='incremental', unique_key='visitor_key') }}

{%- set inquiries = "event_name in ('AI_QUESTION_ASKED', 'TOPIC_EXPLORED')" %}

with events as (
    select
        event_key,
        -- A list of one says what it is about, a list of several does not.
        case
            when {{ json_text('properties', 'properties.detected_topics[1]') }} is null
                then {{ json_text('properties', 'properties.detected_topics[0]') }}
        end as only_detected_topic_id,
        topic_id
    from {{ ref('int_events') }}
    where {{ inquiries }} and {{ is_touched('visitor_key') }}
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
    where {{ inquiries }} and not is_clock_skewed and {{ is_touched('visitor_key') }}
)

select
    attributed.event_key,
    attributed.visitor_key,
    attributed.actor_key,
    attributed.actor_kind,
    attributed.session_id,
    attributed.source_app,
    attributed.event_name,
    coalesce(events.topic_id, events.only_detected_topic_id) as topic_id,
    attributed.consent_mode,
    attributed.occurred_at
from events
inner join attributed on events.event_key = attributed.event_key
where coalesce(events.topic_id, events.only_detected_topic_id) is not null
