{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select
        event_key,
        {{ json_text('properties', 'properties.timezone') }} as timezone
    from {{ ref('int_events') }}
    where
        source_app = 'studyin'
        and event_name = 'SESSION_START'
        and not is_clock_skewed
        and {{ is_touched('visitor_key') }}
),

attributed as (
    select * from {{ ref('int_events_attributed') }}
    where {{ is_touched('visitor_key') }}
)

select
    attributed.visitor_key,
    attributed.actor_key,
    attributed.actor_kind,
    events.timezone,
    max(attributed.occurred_at) as last_sent_at
from events
inner join attributed on events.event_key = attributed.event_key
where {{ is_zone('events.timezone') }}
group by
    attributed.visitor_key, attributed.actor_key, attributed.actor_kind, events.timezone
