{{ config(materialized='incremental', unique_key='visitor_key') }}

with openings as (
    select * from {{ ref('int_events_attributed') }}
    where is_opening and {{ is_touched('visitor_key') }}
)

select
    session_id,
    visitor_key,
    actor_key,
    actor_kind,
    source_app,
    occurred_at as opened_at
from openings
