{{ config(materialized='incremental', unique_key='everything') }}

with active_days as (
    select * from {{ ref('int_person_days') }}
    where deed_count > 0 and consent_mode = 'full'
),

scoped as (
    select
        active_days.*,
        active_days.source_app as scope
    from active_days
    union all
    select
        active_days.*,
        'all' as scope
    from active_days
),

first_days as (
    select
        scope,
        person_key,
        min(stat_date) as first_date
    from scoped
    group by scope, person_key
)

select
    scoped.scope as source_app,
    scoped.person_key,
    scoped.stat_date as first_date,
    min(scoped.first_deed_at) as first_deed_at,
    coalesce(
        {{ first_by('scoped.device_type', ['scoped.first_deed_at', 'scoped.source_app']) }},
        'unknown'
    ) as device_type,
    coalesce(
        {{ first_by('scoped.browser', ['scoped.first_deed_at', 'scoped.source_app']) }},
        'unknown'
    ) as browser,
    coalesce(
        {{ first_by('scoped.country', ['scoped.first_deed_at', 'scoped.source_app']) }},
        'unknown'
    ) as country,
    coalesce(
        {{ first_by('scoped.entry_point', ['scoped.first_deed_at', 'scoped.source_app']) }},
        'unknown'
    ) as entry_point,
    max(scoped.user_kind) as user_kind
from scoped
inner join first_days
    on
        scoped.scope = first_days.scope
        and scoped.person_key = first_days.person_key
        and scoped.stat_date = first_days.first_date
where {{ is_touched('everything') }}
group by scoped.scope, scoped.person_key, scoped.stat_date
