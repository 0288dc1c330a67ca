{{ config(materialized='incremental', unique_key='visitor_key') }}

with events as (
    select * from {{ ref('int_events_attributed') }}
    where {{ is_touched('visitor_key') }}
)

select
    visitor_key,
    actor_key,
    actor_kind,
    source_app,
    event_name,
    count(*) as event_count,
    count(case when is_deed then 1 end) as deed_count,
    count(case when not is_clock_skewed then 1 end) as timed_count,
    count(case when is_success and not is_clock_skewed then 1 end) as success_count,
    count(case when is_correct and not is_clock_skewed then 1 end) as correct_count,
    cast(coalesce(sum(case when not is_clock_skewed then xp_amount end), 0) as bigint) as xp_amount,
    min(case when is_deed then occurred_at end) as first_deed_at,
    max(case when is_deed then occurred_at end) as last_deed_at
from events
group by visitor_key, actor_key, actor_kind, source_app, event_name
