{{ config(materialized='incremental', unique_key='everything') }}

{%- set measures = [
    'session_count', 'active_seconds', 'materials_viewed', 'materials_completed',
    'questions_attempted', 'ai_interactions', 'prompts_submitted', 'sketches_created',
    'lessons_completed',
] %}

with person_cohorts as (
    select * from {{ ref('int_person_cohorts') }}
    where cohort_grain = 'week'
),

person_features as (
    select * from {{ ref('int_person_features') }}
),

active_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

first_features as (
    select
        person_features.source_app,
        person_features.person_key,
        {{ first_by(
            'person_features.feature_name',
            ['person_features.first_used_at', 'person_features.feature_name']
        ) }} as feature_name
    from person_features
    cross join watermark
    where {{ local_date('person_features.first_used_at') }} <= watermark.as_of_date
    group by person_features.source_app, person_features.person_key
),

members as (
    select
        source_app,
        person_key,
        breakdown_name,
        breakdown_value,
        cohort_start,
        calendar_periods,
        last_period
    from person_cohorts
    union all
    select
        person_cohorts.source_app,
        person_cohorts.person_key,
        'first_feature' as breakdown_name,
        coalesce(first_features.feature_name, 'none') as breakdown_value,
        person_cohorts.cohort_start,
        person_cohorts.calendar_periods,
        person_cohorts.last_period
    from person_cohorts
    left join first_features
        on
            person_cohorts.source_app = first_features.source_app
            and person_cohorts.person_key = first_features.person_key
    where person_cohorts.breakdown_name = 'all'
),

-- A day in two apps is one day.
member_days as (
    select
        person_cohorts.source_app,
        person_cohorts.person_key,
        person_cohorts.cohort_start,
        active_days.stat_date,
        {%- for measure in measures %}
            sum(active_days.{{ measure }}) as {{ measure }},
        {%- endfor %}
        max(
            case
                when
                    active_days.lessons_completed > 0
                    or active_days.materials_completed > 0
                    or active_days.quizzes_completed > 0
                    then 1
                else 0
            end
        ) as is_finishing
    from person_cohorts
    inner join active_days
        on
            person_cohorts.person_key = active_days.person_key
            and person_cohorts.source_app in ('all', active_days.source_app)
    cross join watermark
    where
        person_cohorts.breakdown_name = 'all'
        and active_days.stat_date <= watermark.as_of_date
    group by
        person_cohorts.source_app, person_cohorts.person_key, person_cohorts.cohort_start,
        active_days.stat_date
),

member_weeks as (
    select
        source_app,
        person_key,
        {{ periods_between('cohort_start', 'stat_date', 'week') }} as week_number,
        count(*) as active_days,
        {%- for measure in measures %}
            sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        max(is_finishing) as is_finishing
    from member_days
    group by
        source_app, person_key, {{ periods_between('cohort_start', 'stat_date', 'week') }}
),

behaviour as (
    select
        members.source_app,
        members.breakdown_name,
        members.breakdown_value,
        members.cohort_start,
        member_weeks.week_number,
        count(*) as active_people_count,
        sum(member_weeks.is_finishing) as finishing_people_count,
        {%- for measure in measures %}
            sum(member_weeks.{{ measure }}) as {{ measure }},
        {%- endfor %}
        sum(member_weeks.active_days) as active_days
    from members
    inner join member_weeks
        on
            members.source_app = member_weeks.source_app
            and members.person_key = member_weeks.person_key
    group by
        members.source_app, members.breakdown_name, members.breakdown_value, members.cohort_start,
        member_weeks.week_number
),

cohorts as (
    select
        source_app,
        breakdown_name,
        breakdown_value,
        cohort_start,
        calendar_periods,
        last_period,
        count(*) as cohort_size
    from members
    group by
        source_app, breakdown_name, breakdown_value, cohort_start, calendar_periods, last_period
),

-- Weeks that have begun, the current one as well.
weeks as (
    select
        cohorts.*,
        numbers.number as week_number,
        {{ dbt.dateadd('day', '7 * numbers.number', 'cohorts.cohort_start') }} as week_start,
        numbers.number < cohorts.calendar_periods as is_complete
    from cohorts
    cross join watermark
    inner join {{ numbers_through(52) }} as numbers
        on
            cohorts.last_period >= numbers.number
            and numbers.number
            <= {{ periods_between('cohorts.cohort_start', 'watermark.as_of_date', 'week') }}
)

select
    weeks.source_app,
    weeks.breakdown_name,
    weeks.breakdown_value,
    weeks.cohort_start,
    cast(weeks.week_number as bigint) as week_number,
    cast(weeks.week_start as date) as week_start,
    cast(weeks.cohort_size as bigint) as cohort_size,
    cast(coalesce(behaviour.active_people_count, 0) as bigint) as active_people_count,
    cast(coalesce(behaviour.finishing_people_count, 0) as bigint) as finishing_people_count,
    cast(coalesce(behaviour.active_days, 0) as bigint) as active_days,
    cast(coalesce(behaviour.session_count, 0) as bigint) as session_count,
    cast(behaviour.active_seconds as bigint) as active_seconds,
    cast(coalesce(behaviour.materials_viewed, 0) as bigint) as materials_viewed,
    cast(coalesce(behaviour.materials_completed, 0) as bigint) as materials_completed,
    cast(coalesce(behaviour.questions_attempted, 0) as bigint) as questions_attempted,
    cast(coalesce(behaviour.ai_interactions, 0) as bigint) as ai_interactions,
    cast(coalesce(behaviour.prompts_submitted, 0) as bigint) as prompts_submitted,
    cast(coalesce(behaviour.sketches_created, 0) as bigint) as sketches_created,
    cast(coalesce(behaviour.lessons_completed, 0) as bigint) as lessons_completed,
    case
        when weeks.is_complete
            then cast(coalesce(behaviour.active_people_count, 0) as double) / weeks.cohort_size
    end as active_rate,
    case
        when weeks.is_complete
            then cast(coalesce(behaviour.finishing_people_count, 0) as double) / weeks.cohort_size
    end as finishing_rate,
    case
        when weeks.is_complete
            then cast(behaviour.session_count as double) / behaviour.active_people_count
    end as sessions_per_active_person,
    case
        when weeks.is_complete
            then cast(behaviour.active_days as double) / behaviour.active_people_count
    end as active_days_per_active_person,
    case
        when weeks.is_complete
            then cast(behaviour.active_seconds as double) / behaviour.active_people_count
    end as active_seconds_per_active_person,
    weeks.is_complete
from weeks
left join behaviour
    on
        weeks.source_app = behaviour.source_app
        and weeks.breakdown_name = behaviour.breakdown_name
        and weeks.breakdown_value = behaviour.breakdown_value
        and weeks.cohort_start = behaviour.cohort_start
        and weeks.week_number = behaviour.week_number
where {{ is_touched('everything') }}
