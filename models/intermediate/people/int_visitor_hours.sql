{{ config(materialized='incremental', unique_key='visitor_key') }}

with deeds as (
    select
        *,
        {{ local_weekday('occurred_at') }} as weekday,
        {{ local_hour('occurred_at') }} as hour
    from {{ ref('int_events_attributed') }}
    where is_deed and {{ is_touched('visitor_key') }}
)

select
    visitor_key,
    actor_key,
    actor_kind,
    source_app,
    cast(weekday as bigint) as weekday,
    cast(hour as bigint) as hour,
    count(*) as deed_count,
    count(case when is_opening then 1 end) as session_count
from deeds
group by visitor_key, actor_key, actor_kind, source_app, weekday, hour
