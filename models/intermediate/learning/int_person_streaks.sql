{{ config(materialized='incremental', unique_key='everything') }}

with study_days as (
    select * from {{ ref('int_person_study_days') }}
),

-- One row, also while no day is complete.
watermark as (
    select max(as_of_date) as as_of_date from {{ ref('int_data_watermark') }}
)

select
    study_days.person_key,
    study_days.calendar,
    count(*) as study_day_count,
    max(study_days.streak_days) as longest_streak,
    -- A streak goes on until a whole day is missed, and today is not over.
    coalesce(
        max(case when study_days.study_date = watermark.as_of_date then study_days.streak_days end),
        max(
            case
                when study_days.study_date = {{ dbt.dateadd('day', -1, 'watermark.as_of_date') }}
                    then study_days.streak_days
            end
        ),
        max(case when watermark.as_of_date is not null then 0 end)
    ) as current_streak
from study_days
cross join watermark
where {{ is_touched('everything') }}
group by study_days.person_key, study_days.calendar
