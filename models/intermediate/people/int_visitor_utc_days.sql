{{ config(materialized='incremental', unique_key='visitor_key') }}

with deeds as (
    select
        *,
        cast(occurred_at as date) as deed_date
    from {{ ref('int_events_attributed') }}
    where is_deed and {{ is_touched('visitor_key') }}
)

select
    visitor_key,
    actor_key,
    actor_kind,
    source_app,
    deed_date,
    -- Of an actor always one: without consent a key ends with its session.
    max(consent_mode) as consent_mode,
    min(occurred_at) as first_deed_at,
    max(occurred_at) as last_deed_at
from deeds
group by visitor_key, actor_key, actor_kind, source_app, deed_date
