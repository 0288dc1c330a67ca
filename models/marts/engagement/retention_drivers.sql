{{ config(materialized='incremental', unique_key='everything') }}

with firsts as (
    select * from {{ ref('int_person_firsts') }}
),

active_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

person_features as (
    select * from {{ ref('int_person_features') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

-- Those whose first 14 days are over.
people as (
    select firsts.*
    from firsts
    cross join watermark
    where {{ dbt.datediff('firsts.first_date', 'watermark.as_of_date', 'day') }} >= 13
),

retained as (
    select distinct
        people.source_app,
        people.person_key
    from people
    inner join active_days
        on
            people.person_key = active_days.person_key
            and people.source_app in ('all', active_days.source_app)
    where {{ dbt.datediff('people.first_date', 'active_days.stat_date', 'day') }} between 7 and 13
),

adopters as (
    select
        people.source_app,
        people.person_key,
        person_features.feature_name
    from people
    inner join person_features
        on
            people.source_app = person_features.source_app
            and people.person_key = person_features.person_key
    where
        {{ dbt.datediff(
            'people.first_date', local_date('person_features.first_used_at'), 'day'
        ) }} <= 6
),

all_counts as (
    select
        people.source_app,
        count(*) as person_count,
        count(retained.person_key) as retained_count
    from people
    left join retained
        on people.source_app = retained.source_app and people.person_key = retained.person_key
    group by people.source_app
),

adopter_counts as (
    select
        adopters.source_app,
        adopters.feature_name,
        count(*) as person_count,
        count(retained.person_key) as retained_count
    from adopters
    left join retained
        on adopters.source_app = retained.source_app and adopters.person_key = retained.person_key
    group by adopters.source_app, adopters.feature_name
),

-- A feature that people of the app used, but none of these in the first week, is listed as well.
known_features as (
    select distinct
        person_features.source_app,
        person_features.feature_name
    from person_features
    cross join watermark
    where {{ local_date('person_features.first_used_at') }} <= watermark.as_of_date
),

compared as (
    select
        known_features.source_app,
        known_features.feature_name,
        coalesce(adopter_counts.person_count, 0) as adopter_count,
        coalesce(adopter_counts.retained_count, 0) as adopter_retained_count,
        coalesce(all_counts.person_count, 0)
        - coalesce(adopter_counts.person_count, 0) as other_count,
        coalesce(all_counts.retained_count, 0)
        - coalesce(adopter_counts.retained_count, 0) as other_retained_count
    from known_features
    left join all_counts on known_features.source_app = all_counts.source_app
    left join adopter_counts
        on
            known_features.source_app = adopter_counts.source_app
            and known_features.feature_name = adopter_counts.feature_name
),

rated as (
    select
        *,
        nullif(adopter_count, 0) as adopter_base,
        nullif(other_count, 0) as other_base,
        cast(adopter_retained_count as double) / nullif(adopter_count, 0) as adopter_rate,
        cast(other_retained_count as double) / nullif(other_count, 0) as other_rate,
        -- The normal quantile that leaves 2.5 % on either side.
        cast(1.959963984540054 as double) as z
    from compared
),

bounded as (
    select
        *,
        {{ wilson('adopter_rate', 'adopter_base', 'z', '-') }} as adopter_low,
        {{ wilson('adopter_rate', 'adopter_base', 'z', '+') }} as adopter_high,
        {{ wilson('other_rate', 'other_base', 'z', '-') }} as other_low,
        {{ wilson('other_rate', 'other_base', 'z', '+') }} as other_high
    from rated
)

select
    source_app,
    feature_name,
    cast(adopter_count as bigint) as adopter_count,
    cast(adopter_retained_count as bigint) as adopter_retained_count,
    cast(other_count as bigint) as other_count,
    cast(other_retained_count as bigint) as other_retained_count,
    adopter_rate as adopter_retention_rate,
    other_rate as other_retention_rate,
    adopter_rate - other_rate as rate_difference,
    adopter_rate - other_rate - sqrt(
        (adopter_rate - adopter_low) * (adopter_rate - adopter_low)
        + (other_high - other_rate) * (other_high - other_rate)
    ) as difference_low,
    adopter_rate - other_rate + sqrt(
        (adopter_high - adopter_rate) * (adopter_high - adopter_rate)
        + (other_rate - other_low) * (other_rate - other_low)
    ) as difference_high
from bounded
where {{ is_touched('everything') }}
