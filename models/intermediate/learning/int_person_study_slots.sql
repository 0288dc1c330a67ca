with slots as (
    select * from {{ ref('int_visitor_study_slots') }}
    where consent_mode = 'full'
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

timezones as (
    select * from {{ ref('int_person_timezones') }}
),

summed as (
    select
        coalesce(actor_persons.person_key, slots.actor_key) as person_key,
        slots.slot_at,
        sum(slots.deed_count) as deed_count,
        sum(slots.questions_attempted) as questions_attempted,
        sum(slots.questions_correct) as questions_correct
    from slots
    left join actor_persons
        on
            slots.actor_key = actor_persons.actor_key
            and slots.actor_kind = actor_persons.actor_kind
    group by coalesce(actor_persons.person_key, slots.actor_key), slots.slot_at
),

zoned as (
    select
        summed.*,
        timezones.timezone
    from summed
    left join timezones on summed.person_key = timezones.person_key
)

select
    person_key,
    slot_at,
    coalesce({{ zone_time('slot_at', 'timezone') }}, {{ local_time('slot_at') }}) as own_time,
    cast(deed_count as bigint) as deed_count,
    cast(questions_attempted as bigint) as questions_attempted,
    cast(questions_correct as bigint) as questions_correct
from zoned
