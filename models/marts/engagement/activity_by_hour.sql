{{ config(materialized='incremental', unique_key='everything') }}

with visitor_hours as (
    select * from {{ ref('int_visitor_hours') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
)

select
    visitor_hours.source_app,
    visitor_hours.weekday,
    visitor_hours.hour,
    cast(sum(visitor_hours.deed_count) as bigint) as deed_count,
    cast(sum(visitor_hours.session_count) as bigint) as session_count,
    count(distinct coalesce(actor_persons.person_key, visitor_hours.actor_key)) as person_count
from visitor_hours
left join actor_persons
    on
        visitor_hours.actor_key = actor_persons.actor_key
        and visitor_hours.actor_kind = actor_persons.actor_kind
where {{ is_touched('everything') }}
group by visitor_hours.source_app, visitor_hours.weekday, visitor_hours.hour
