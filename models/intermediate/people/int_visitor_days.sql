{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select * from {{ ref('int_events_attributed') }}
    where is_deed and {{ is_touched('visitor_key') }}
)

select
    visitor_key,
    actor_key,
    actor_kind,
    source_app,
    {{ local_date('occurred_at') }} as stat_date,
    -- Of an actor always one: without consent a key ends with its session.
    max(consent_mode) as consent_mode,
    count(*) as deed_count,
    count(case when is_opening then 1 end) as session_count,
    max(occurred_at) as last_deed_at
from events
group by visitor_key, actor_key, actor_kind, source_app, {{ local_date('occurred_at') }}
