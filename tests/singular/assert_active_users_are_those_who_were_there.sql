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

counted as (
    select
        found.activity_date,
        found.source_app,
        count(distinct case when days.stat_date = found.activity_date then days.person_key end)
            as dau,
        count(
            distinct case
                when days.stat_date > {{ dbt.dateadd('day', -7, 'found.activity_date') }}
                    then days.person_key
            end
        ) as wau,
        count(distinct days.person_key) as mau,
        count(
            distinct case
                when
                    days.stat_date = found.activity_date
                    and firsts.first_date = found.activity_date
                    and days.consent_mode = 'full'
                    then days.person_key
            end
        ) as new_users,
        count(
            distinct case
                when
                    days.stat_date = found.activity_date
                    and firsts.first_date < found.activity_date
                    and days.consent_mode = 'full'
                    and not exists (
                        select 1 from days as earlier
                        where
                            earlier.person_key = days.person_key
                            and earlier.source_app = days.source_app
                            and earlier.stat_date < found.activity_date
                            and earlier.stat_date
                            > {{ dbt.dateadd('day', -28, 'found.activity_date') }}
                    )
                    then days.person_key
            end
        ) as resurrected_users
    from found
    left join days
        on
            found.source_app = days.source_app
            and days.stat_date <= found.activity_date
            and days.stat_date > {{ dbt.dateadd('day', -28, 'found.activity_date') }}
    left join firsts
        on days.person_key = firsts.person_key and days.source_app = firsts.source_app
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
