{{ config(materialized='incremental', unique_key='everything') }}

with slots as (
    select * from {{ ref('int_person_study_slots') }}
),

dated as (
    select
        person_key,
        'utc' as calendar,
        cast(slot_at as date) as study_date
    from slots
    union
    select
        person_key,
        'reporting' as calendar,
        {{ local_date('slot_at') }} as study_date
    from slots
    union
    select
        person_key,
        'own' as calendar,
        cast(own_time as date) as study_date
    from slots
),

numbered as (
    select
        *,
        {{ dbt.datediff("cast('2000-01-01' as date)", 'study_date', 'day') }} as day_number,
        row_number() over (partition by person_key, calendar order by study_date) as place
    from dated
)

select
    person_key,
    calendar,
    study_date,
    -- Days in a row are as far from their place as each other.
    row_number() over (
        partition by person_key, calendar, day_number - place order by study_date
    ) as streak_days
from numbered
where {{ is_touched('everything') }}
