{{ config(materialized='incremental', unique_key='event_key') }}

with judged as (
    select
        event_key,
        load_id,
        line,
        item
    from {{ ref('int_events_judged') }}
    where rejection_reason is null and {{ is_touched('event_key') }}
),

repeated as (
    select event_key
    from judged
    group by event_key
    having count(*) > 1
),

ranked as (
    select
        judged.event_key,
        judged.load_id,
        judged.line,
        judged.item,
        row_number() over (
            partition by judged.event_key order by judged.load_id, judged.line, judged.item
        ) as turn
    from judged
    inner join repeated on judged.event_key = repeated.event_key
)

select
    event_key,
    load_id,
    line,
    item
from ranked
where turn > 1
