with judged as (
    select * from {{ ref('int_events_judged') }}
),

conflicting as (
    select * from {{ ref('int_events_conflicting') }}
)

select
    judged.event_key,
    judged.source_app,
    judged.event_id,
    judged.event_type,
    coalesce(judged.rejection_reason, 'conflicting_duplicate') as reason,
    judged.occurred_at,
    judged.received_at,
    judged.properties as payload,
    judged.load_id,
    judged.file,
    judged.line,
    judged.item
from judged
left join conflicting
    on
        judged.event_key = conflicting.event_key
        and judged.load_id = conflicting.load_id
        and judged.line = conflicting.line
        and judged.item = conflicting.item
where judged.rejection_reason is not null or conflicting.event_key is not null
