-- Of the people of one app, how many use another one too, and which did they find first?
--
-- One row for each app and other app. Only people who are known by an account somewhere: somebody
-- who signs in nowhere is another person in each app. Two accounts are one person only where a
-- mapping says so, so read these shares as the least that there is.

with users as (
    select * from {{ ref('users') }}
),

daily_user_stats as (
    select * from {{ ref('daily_user_stats') }}
),

known as (
    select
        daily_user_stats.source_app,
        daily_user_stats.person_key,
        min(daily_user_stats.first_deed_at) as arrived_at
    from daily_user_stats
    inner join users on daily_user_stats.person_key = users.person_key
    where daily_user_stats.deed_count > 0 and not users.is_anonymous
    group by daily_user_stats.source_app, daily_user_stats.person_key
),

apps as (
    select
        source_app,
        count(*) as person_count
    from known
    group by source_app
),

shared as (
    select
        known.source_app,
        other.source_app as other_app,
        count(*) as shared_person_count,
        count(case when known.arrived_at < other.arrived_at then 1 end) as came_here_first_count
    from known
    inner join known as other
        on
            known.person_key = other.person_key
            and known.source_app <> other.source_app
    group by known.source_app, other.source_app
)

select
    shared.source_app,
    shared.other_app,
    apps.person_count,
    shared.shared_person_count,
    cast(shared.shared_person_count as double) / apps.person_count as shared_share,
    cast(shared.came_here_first_count as double) / shared.shared_person_count
        as came_here_first_share
from shared
inner join apps on shared.source_app = apps.source_app
order by shared.source_app, shared.other_app
