-- A day of the reporting timezone is one also where it is put together from quarters of an hour, as
-- the days of other zones are; else a streak would hang on how it was counted.
with of_days as (
    select
        person_key,
        stat_date,
        streak_days
    from {{ ref('int_person_days') }}
    where source_app = 'studyin' and consent_mode = 'full' and deed_count > 0
),

of_slots as (
    select * from {{ ref('int_person_study_days') }}
    where calendar = 'reporting'
)

select
    coalesce(of_days.person_key, of_slots.person_key) as person_key,
    coalesce(of_days.stat_date, of_slots.study_date) as stat_date
from of_days
full outer join of_slots
    on of_days.person_key = of_slots.person_key and of_days.stat_date = of_slots.study_date
where of_days.streak_days is distinct from of_slots.streak_days
