-- How many people use each app in a week, how often do they come, and for how long?
--
-- Compare weeks only where is_complete; the last one is still growing, and the first may have
-- begun before your data does. Active minutes leave out idling: a gap counts for a minute at
-- most, and a visit of one deed is unmeasured and adds nothing. People without consent count once
-- for each session, so many of them push sessions_per_user towards 1.

with weekly_user_stats as (
    select * from {{ ref('weekly_user_stats') }}
),

-- Who was only written to by a server has a row, but was not there.
active as (
    select * from weekly_user_stats
    where deed_count > 0
)

select
    week_start,
    source_app,
    count(*) as active_user_count,
    cast(sum(session_count) as double) / count(*) as sessions_per_user,
    cast(sum(active_days) as double) / count(*) as active_days_per_user,
    cast(sum(active_seconds) as double) / 60 / count(*) as active_minutes_per_user,
    is_complete
from active
group by week_start, source_app, is_complete
order by week_start, source_app
