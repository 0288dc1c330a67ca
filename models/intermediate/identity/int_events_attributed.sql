with events as (
    select * from {{ ref('int_events_sessionized') }}
),

epochs as (
    select * from {{ ref('int_login_epochs') }}
)

select
    events.event_key,
    events.session_id,
    events.partition_key,
    events.visitor_key,
    case
        when events.user_key is not null then events.user_key
        when epochs.is_shared then coalesce(events.session_id, events.visitor_key)
        when events.occurred_at >= epochs.attributed_from then epochs.user_key
        else events.visitor_key
    end as actor_key,
    case
        when events.user_key is not null then 'user'
        when epochs.is_shared then 'session'
        when events.occurred_at >= epochs.attributed_from then 'user'
        when epochs.user_key is null then 'unclaimed'
        else 'visitor'
    end as actor_kind,
    events.source_app,
    events.event_name,
    events.event_category,
    events.consent_mode,
    events.device_type,
    events.country,
    events.browser,
    events.active_us,
    events.is_clock_skewed,
    events.is_deed,
    events.is_opening,
    events.is_view,
    events.is_success,
    events.is_correct,
    events.xp_amount,
    events.duration_ms,
    events.occurred_at,
    events.load_id
from events
left join epochs
    on
        events.user_key is null
        and events.visitor_key = epochs.visitor_key
        and events.occurred_at >= epochs.started_at
        and events.occurred_at < epochs.ended_at
