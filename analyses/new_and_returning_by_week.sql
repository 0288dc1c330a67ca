-- Does growth come from new people, or from those who stay?
--
-- Of the people who were active in the week, over all apps, who was new, who had been there the
-- week before, and who came back after missing some. Only complete weeks and people with consent.
-- In the first weeks of your data nearly everybody looks new, since nothing is known of before.

with user_lifecycle as (
    select * from {{ ref('user_lifecycle') }}
),

active as (
    select * from user_lifecycle
    where lifecycle_state <> 'dormant'
),

counted as (
    select
        week_start,
        count(*) as active_user_count,
        count(case when lifecycle_state = 'new' then 1 end) as new_count,
        count(case when lifecycle_state = 'retained' then 1 end) as retained_count,
        count(case when lifecycle_state = 'returning' then 1 end) as returning_count,
        count(case when lifecycle_state = 'resurrected' then 1 end) as resurrected_count
    from active
    group by week_start
)

select
    week_start,
    active_user_count,
    new_count,
    retained_count,
    returning_count,
    resurrected_count,
    cast(new_count as double) / active_user_count as new_share
from counted
order by week_start
