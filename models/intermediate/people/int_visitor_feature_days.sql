{{ config(materialized='incremental', unique_key='visitor_key') }}

with deeds as (
    select
        *,
        {{ local_date('occurred_at') }} as stat_date
    from {{ ref('int_events_attributed') }}
    where is_deed and {{ is_touched('visitor_key') }}
),

features as (
    select * from {{ ref('features') }}
)

select
    deeds.visitor_key,
    deeds.actor_key,
    deeds.actor_kind,
    deeds.source_app,
    features.feature_name,
    deeds.stat_date,
    -- Of an actor always one: without consent a key ends with its session.
    max(deeds.consent_mode) as consent_mode,
    count(*) as deed_count
from deeds
inner join features on deeds.event_name = features.event_name
group by
    deeds.visitor_key, deeds.actor_key, deeds.actor_kind, deeds.source_app,
    features.feature_name, deeds.stat_date
