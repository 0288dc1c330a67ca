{{ config(materialized='incremental', unique_key='everything') }}

with timezones as (
    select * from {{ ref('int_visitor_timezones') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
)

select
    coalesce(actor_persons.person_key, timezones.actor_key) as person_key,
    {{ last_by('timezones.timezone', ['timezones.last_sent_at', 'timezones.timezone']) }}
        as timezone
from timezones
left join actor_persons
    on
        timezones.actor_key = actor_persons.actor_key
        and timezones.actor_kind = actor_persons.actor_kind
where {{ is_touched('everything') }}
group by coalesce(actor_persons.person_key, timezones.actor_key)
