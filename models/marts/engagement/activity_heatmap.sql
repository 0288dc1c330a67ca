with person_days as (
    select * from {{ ref('int_person_days') }}
    where consent_mode = 'full'
),

summed as (
    select
        person_key,
        stat_date,
        sum(deed_count) as activity_count,
        sum(session_count) as session_count,
        sum(duration_seconds) as duration_seconds,
        sum(active_seconds) as active_seconds,
        sum(xp_earned) as xp_earned
    from person_days
    group by person_key, stat_date
)

select
    person_key,
    stat_date,
    cast(activity_count as bigint) as activity_count,
    cast(session_count as bigint) as session_count,
    cast(duration_seconds as double) / 60 as duration_minutes,
    cast(active_seconds as double) / 60 as active_minutes,
    cast(xp_earned as bigint) as xp_earned
from summed
where activity_count > 0
