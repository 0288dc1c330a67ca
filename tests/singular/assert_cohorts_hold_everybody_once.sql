-- A person who was active by today falls out of all cohorts, or stands in two of a grain. Everybody with
-- consent is in one cohort of each grain, in each app and in all.
with person_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

people as (
    select
        person_days.source_app,
        count(distinct person_days.person_key) as person_count
    from person_days
    cross join watermark
    where person_days.stat_date <= watermark.as_of_date
    group by person_days.source_app
    union all
    select
        'all' as source_app,
        count(distinct person_days.person_key) as person_count
    from person_days
    cross join watermark
    where person_days.stat_date <= watermark.as_of_date
    having count(distinct person_days.person_key) > 0
),

cohorts as (
    select
        source_app,
        kind || ' ' || cohort_grain as counted_in,
        sum(cohort_size) as person_count
    from {{ ref('retention') }}
    where breakdown_name = 'all' and period_number = 0
    group by source_app, kind, cohort_grain
    union all
    select
        source_app,
        'cohort_behaviour' as counted_in,
        sum(cohort_size) as person_count
    from {{ ref('cohort_behaviour') }}
    where breakdown_name = 'all' and week_number = 0
    group by source_app
)

select *
from people
full join cohorts on people.source_app = cohorts.source_app
where people.person_count is distinct from cohorts.person_count
