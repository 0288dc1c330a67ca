{{ config(materialized='incremental', unique_key='visitor_key') }}

{%- set of_materials %}
    event_name in (
        'MATERIAL_OPEN',
        'MATERIAL_READ',
        'MATERIAL_COMPLETE',
        'MATERIAL_HIGHLIGHT',
        'MATERIAL_NOTE',
        'MATERIAL_BOOKMARK'
    )
{%- endset %}

with events as (
    select
        *,
        {{ unpack_json('properties', {
            'properties': {
                'scroll_depth_percent': 'number',
                'is_complete': 'boolean',
                'progress_percentage': 'number',
                'completion_percentage': 'number',
                'total_time_seconds': 'number',
            },
        }) }} as sent
    from {{ ref('int_events') }}
    where {{ of_materials }} and {{ is_touched('visitor_key') }}
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
    where {{ of_materials }} and not is_clock_skewed and {{ is_touched('visitor_key') }}
)

select
    events.event_key,
    events.visitor_key,
    attributed.actor_key,
    attributed.actor_kind,
    attributed.session_id,
    events.source_app,
    events.event_name,
    events.material_id,
    events.chunk_id,
    events.topic_id,
    events.consent_mode,
    case when events.event_name = 'MATERIAL_READ' then attributed.duration_ms end as reading_ms,
    {{ whole_milliseconds('events.sent.properties.total_time_seconds * 1000') }}
        as claimed_reading_ms,
    events.sent.properties.scroll_depth_percent,
    coalesce(
        events.sent.properties.progress_percentage, events.sent.properties.completion_percentage
    ) as progress_percentage,
    events.event_name = 'MATERIAL_READ'
    and coalesce(events.sent.properties.is_complete, false) as is_end_of_chunk,
    events.occurred_at
from events
inner join attributed on events.event_key = attributed.event_key
