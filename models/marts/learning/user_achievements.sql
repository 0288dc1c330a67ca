{{ config(materialized='incremental', unique_key='everything') }}

{%- set order = ['unlocks.occurred_at', 'unlocks.event_key'] %}

with unlocks as (
    select * from {{ ref('int_award_events') }}
    where event_name = 'ACHIEVEMENT_UNLOCKED' and consent_mode = 'full'
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
)

select
    coalesce(actor_persons.person_key, unlocks.actor_key) as person_key,
    unlocks.achievement_id,
    {{ first_by('unlocks.achievement_name', order) }} as achievement_name,
    {{ first_by('unlocks.achievement_type', order) }} as achievement_type,
    {{ first_by('unlocks.xp_reward', order) }} as xp_reward,
    min(unlocks.occurred_at) as unlocked_at,
    count(*) as unlock_count
from unlocks
left join actor_persons
    on
        unlocks.actor_key = actor_persons.actor_key
        and unlocks.actor_kind = actor_persons.actor_kind
where {{ is_touched('everything') }}
group by coalesce(actor_persons.person_key, unlocks.actor_key), unlocks.achievement_id
