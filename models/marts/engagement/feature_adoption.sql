{{ config(materialized='incremental', unique_key='everything') }}

with feature_days as (
    select * from {{ ref('int_visitor_feature_days') }}
),

person_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

person_use as (
    select
        coalesce(actor_persons.person_key, feature_days.actor_key) as person_key,
        feature_days.source_app,
        feature_days.feature_name,
        feature_days.stat_date,
        feature_days.consent_mode
    from feature_days
    left join actor_persons
        on
            feature_days.actor_key = actor_persons.actor_key
            and feature_days.actor_kind = actor_persons.actor_kind
),

-- Of an app, and of all together.
use_days as (
    select
        person_key,
        source_app,
        feature_name,
        stat_date,
        consent_mode
    from person_use
    union all
    select
        person_key,
        'all' as source_app,
        feature_name,
        stat_date,
        consent_mode
    from person_use
),

active_days as (
    select
        person_key,
        source_app,
        stat_date
    from person_days
    union all
    select
        person_key,
        'all' as source_app,
        stat_date
    from person_days
),

first_days as (
    select
        person_key,
        source_app,
        min(stat_date) as first_active_date
    from active_days
    group by person_key, source_app
),

active_weeks as (
    select
        source_app,
        cast({{ dbt.date_trunc('week', 'stat_date') }} as date) as week_start,
        count(distinct person_key) as active_user_count
    from active_days
    group by source_app, cast({{ dbt.date_trunc('week', 'stat_date') }} as date)
),

person_weeks as (
    select
        person_key,
        source_app,
        feature_name,
        cast({{ dbt.date_trunc('week', 'stat_date') }} as date) as week_start,
        max(consent_mode) = 'full' as is_recognised,
        count(distinct stat_date) as day_count,
        min(stat_date) as first_date
    from use_days
    group by
        person_key, source_app, feature_name,
        cast({{ dbt.date_trunc('week', 'stat_date') }} as date)
),

remembered as (
    select
        *,
        lag(week_start) over (
            partition by person_key, source_app, feature_name order by week_start
        ) is null as is_first_week
    from person_weeks
),

judged as (
    select
        remembered.source_app,
        remembered.feature_name,
        remembered.week_start,
        remembered.person_key,
        remembered.is_recognised,
        remembered.is_recognised and remembered.is_first_week as is_adopter,
        remembered.is_recognised
        and (remembered.day_count >= 2 or not remembered.is_first_week) as is_repeating,
        {{ dbt.datediff('first_days.first_active_date', 'remembered.first_date', 'day') }}
            as days_to_adopt
    from remembered
    inner join first_days
        on
            remembered.person_key = first_days.person_key
            and remembered.source_app = first_days.source_app
),

used as (
    select
        source_app,
        feature_name,
        week_start,
        count(*) as user_count,
        count(case when is_recognised then 1 end) as recognised_user_count,
        count(case when is_adopter then 1 end) as new_adopter_count,
        count(case when is_repeating then 1 end) as repeat_user_count,
        median(case when is_adopter then days_to_adopt end) as median_days_to_adopt
    from judged
    group by source_app, feature_name, week_start
),

begun as (
    select
        source_app,
        feature_name,
        min(week_start) as first_week
    from person_weeks
    group by source_app, feature_name
),

-- A week in which people were there and nobody used it is a week as well.
weeks as (
    select
        active_weeks.week_start,
        active_weeks.source_app,
        begun.feature_name,
        active_weeks.active_user_count,
        {{ dbt.dateadd('day', 6, 'active_weeks.week_start') }} <= watermark.as_of_date
            as is_complete
    from active_weeks
    inner join begun
        on
            active_weeks.source_app = begun.source_app
            and active_weeks.week_start >= begun.first_week
    cross join watermark
)

select
    weeks.week_start,
    weeks.source_app,
    weeks.feature_name,
    coalesce(used.user_count, 0) as user_count,
    coalesce(used.recognised_user_count, 0) as recognised_user_count,
    coalesce(used.new_adopter_count, 0) as new_adopter_count,
    coalesce(used.repeat_user_count, 0) as repeat_user_count,
    weeks.active_user_count,
    case
        when weeks.is_complete
            then cast(coalesce(used.user_count, 0) as double) / weeks.active_user_count
    end as adoption_rate,
    case
        when weeks.is_complete
            then
                cast(used.repeat_user_count as double)
                / nullif(used.recognised_user_count, 0)
    end as repeat_rate,
    case when weeks.is_complete then cast(used.median_days_to_adopt as double) end
        as median_days_to_adopt,
    weeks.is_complete
from weeks
left join used
    on
        weeks.source_app = used.source_app
        and weeks.feature_name = used.feature_name
        and weeks.week_start = used.week_start
where {{ is_touched('everything') }}
