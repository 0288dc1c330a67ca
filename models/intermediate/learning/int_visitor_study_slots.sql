{{ config(materialized='incremental', unique_key='visitor_key') }}

with deeds as (
    select
        *,
        cast(floor({{ epoch_us('occurred_at') }} / 900000000) as bigint) as slot_number
    from {{ ref('int_events_attributed') }}
    where is_deed and source_app = 'studyin' and {{ is_touched('visitor_key') }}
)

select
    visitor_key,
    actor_key,
    actor_kind,
    max(consent_mode) as consent_mode,
    {{ from_epoch_us('slot_number * 900000000') }} as slot_at,
    count(*) as deed_count,
    {{ event_measure('questions_attempted') }} as questions_attempted,
    {{ event_measure('questions_correct') }} as questions_correct
from deeds
group by visitor_key, actor_key, actor_kind, slot_number
