-- Is each app becoming more of a habit: of a month's people, how many are there on a usual day?
--
-- 0.2 means that somebody who came at all in 28 days was there on about one day in five. It is
-- pooled over the days of complete weeks. Before has_full_month the 28 days reach back beyond the
-- first data, there are fewer people to divide by, and stickiness is flattered: the fall is no
-- news. Where many people come without consent it is too low, for nobody sees them come back.

with active_users as (
    select * from {{ ref('active_users') }}
),

days as (
    select
        cast({{ dbt.date_trunc('week', 'activity_date') }} as date) as week_start,
        source_app,
        activity_date,
        dau,
        mau
    from active_users
    where breakdown_name = 'all' and is_complete
),

first_days as (
    select
        source_app,
        min(activity_date) as first_date
    from days
    group by source_app
),

weeks as (
    select
        week_start,
        source_app,
        cast(sum(dau) as double) / 7 as average_dau,
        cast(sum(mau) as double) / 7 as average_mau
    from days
    group by week_start, source_app
    having count(*) = 7
)

select
    weeks.week_start,
    weeks.source_app,
    weeks.average_dau,
    weeks.average_mau,
    weeks.average_dau / nullif(weeks.average_mau, 0) as stickiness,
    weeks.week_start >= {{ dbt.dateadd('day', 27, 'first_days.first_date') }} as has_full_month
from weeks
inner join first_days on weeks.source_app = first_days.source_app
order by weeks.source_app, weeks.week_start
