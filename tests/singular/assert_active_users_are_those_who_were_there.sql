-- active_users adds up what begins and ends. Counted plainly, day by day, it is the same.
with days as (
    select person_key, source_app, stat_date, consent_mode
    from {{ ref('int_person_days') }}
    where deed_count > 0
    union all
    select distinct person_key, 'all' as source_app, stat_date, consent_mode
    from {{ ref('int_person_days') }}
    where deed_count > 0
),

firsts as (
    select person_key, source_app, min(stat_date) as first_date
    from days
    group by person_key, source_app
),

found as (
    select * from {{ ref('active_users') }}
    where breakdown_name = 'all'
),

-- Who was there in the 28 days through each day, and on which of them.
there as (
    select
        found.activity_date,
        found.source_app,
        days.person_key,
        min(days.stat_date) as earliest_date,
        max(days.stat_date) as latest_date,
        max(
            case
                when days.stat_date = found.activity_date and days.consent_mode = 'full' then 1
                else 0
            end
        ) as is_profiled
    from found
    inner join days
        on
            found.source_app = days.source_app
            and days.stat_date <= found.activity_date
            and days.stat_date > {{ dbt.dateadd('day', -28, 'found.activity_date') }}
    group by found.activity_date, found.source_app, days.person_key
),

counted as (
    select
        found.activity_date,
        found.source_app,
        count(case when there.latest_date = found.activity_date then 1 end) as dau,
        count(
            case
                when there.latest_date > {{ dbt.dateadd('day', -7, 'found.activity_date') }} then 1
            end
        ) as wau,
        count(there.person_key) as mau,
        count(
            case
                when there.is_profiled = 1 and firsts.first_date = found.activity_date then 1
            end
        ) as new_users,
        count(
            case
                when
                    there.is_profiled = 1
                    and firsts.first_date < found.activity_date
                    and there.earliest_date = found.activity_date
                    then 1
            end
        ) as resurrected_users
    from found
    left join there
        on found.activity_date = there.activity_date and found.source_app = there.source_app
    left join firsts
        on there.person_key = firsts.person_key and there.source_app = firsts.source_app
    group by found.activity_date, found.source_app
)

select *
from found
inner join counted
    on found.activity_date = counted.activity_date and found.source_app = counted.source_app
where
    found.dau <> counted.dau
    or found.wau <> counted.wau
    or found.mau <> counted.mau
    or found.new_users <> counted.new_users
    or found.resurrected_users <> counted.resurrected_users
