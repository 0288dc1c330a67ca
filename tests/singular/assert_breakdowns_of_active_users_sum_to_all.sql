-- Born from one person's two apps on two devices, who was counted under both: on each day the
-- values of a breakdown add up to everybody.
with active_users as (
    select * from {{ ref('active_users') }}
),

wholes as (
    select * from active_users
    where breakdown_name = 'all'
),

sums as (
    select
        source_app,
        breakdown_name,
        activity_date,
        sum(dau) as dau,
        sum(wau) as wau,
        sum(mau) as mau,
        sum(new_users) as new_users,
        sum(returning_users) as returning_users,
        sum(resurrected_users) as resurrected_users,
        sum(unrecognised_users) as unrecognised_users,
        sum(session_count) as session_count
    from active_users
    where breakdown_name <> 'all'
    group by source_app, breakdown_name, activity_date
),

names as (
    select distinct breakdown_name from sums
)

select
    wholes.source_app,
    names.breakdown_name,
    wholes.activity_date,
    wholes.dau as whole_dau,
    sums.dau
from wholes
cross join names
left join sums
    on
        wholes.source_app = sums.source_app
        and names.breakdown_name = sums.breakdown_name
        and wholes.activity_date = sums.activity_date
where
    wholes.dau is distinct from sums.dau
    or wholes.new_users is distinct from sums.new_users
    or wholes.returning_users is distinct from sums.returning_users
    or wholes.resurrected_users is distinct from sums.resurrected_users
    or wholes.unrecognised_users is distinct from sums.unrecognised_users
    or wholes.session_count is distinct from sums.session_count
    or sums.wau is null
    or sums.wau < wholes.wau
    or sums.mau < wholes.mau
