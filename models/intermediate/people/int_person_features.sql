{{ config(materialized='incremental', unique_key='everything') }}

with visitor_events as (
    select * from {{ ref('int_visitor_events') }}
    where deed_count > 0
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

features as (
    select * from {{ ref('features') }}
),

uses as (
    select
        visitor_events.source_app,
        coalesce(actor_persons.person_key, visitor_events.actor_key) as person_key,
        features.feature_name,
        visitor_events.deed_count,
        visitor_events.first_deed_at
    from visitor_events
    inner join features on visitor_events.event_name = features.event_name
    left join actor_persons
        on
            visitor_events.actor_key = actor_persons.actor_key
            and visitor_events.actor_kind = actor_persons.actor_kind
),

scoped as (
    select
        source_app,
        person_key,
        feature_name,
        deed_count,
        first_deed_at
    from uses
    union all
    select
        'all' as source_app,
        person_key,
        feature_name,
        deed_count,
        first_deed_at
    from uses
)

select
    source_app,
    person_key,
    feature_name,
    cast(sum(deed_count) as bigint) as use_count,
    min(first_deed_at) as first_used_at
from scoped
where {{ is_touched('everything') }}
group by source_app, person_key, feature_name
