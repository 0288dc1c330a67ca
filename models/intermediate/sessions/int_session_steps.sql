{{ config(materialized='incremental', unique_key='partition_key') }}

{%- set deepest = 20 %}

with deeds as (
    select
        session_id,
        partition_key,
        source_app,
        event_key,
        occurred_at,
        event_name || coalesce(' ' || place, '') as step
    from {{ ref('int_events_sessionized') }}
    where is_deed and event_category <> 'SESSION' and {{ is_touched('partition_key') }}
),

compared as (
    select
        *,
        lag(step) over (partition by session_id order by occurred_at, event_key) as previous_step
    from deeds
),

numbered as (
    select
        *,
        sum(case when step = previous_step then 0 else 1 end) over (
            partition by session_id order by occurred_at, event_key
            rows between unbounded preceding and current row
        ) as depth
    from compared
)

select
    session_id,
    partition_key,
    source_app,
    cast(depth as bigint) as depth,
    max(step) as step,
    count(*) as repeat_count,
    min(occurred_at) as started_at
from numbered
where depth <= {{ deepest }}
group by session_id, partition_key, source_app, depth
