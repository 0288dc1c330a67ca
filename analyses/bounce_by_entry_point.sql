-- Which doors let people in, and which ones make them turn round?
--
-- A bounce is a visit with at most one view, no interaction and less than 10 s. The entry point
-- is what the app says of where the visit came from; where it says nothing, the first thing that
-- was seen or done, so doors compare within an app only. Doors with fewer than five visits say
-- nothing and are left out, as are visits that may still go on.

with sessions as (
    select * from {{ ref('sessions') }}
),

finished as (
    select * from sessions
    where not is_active
),

doors as (
    select
        source_app,
        entry_point,
        count(*) as session_count,
        count(distinct person_key) as person_count,
        count(case when is_bounce then 1 end) as bounce_count,
        sum(session_depth) as things_viewed
    from finished
    group by source_app, entry_point
    having count(*) >= 5
)

select
    source_app,
    entry_point,
    session_count,
    person_count,
    bounce_count,
    cast(bounce_count as double) / session_count as bounce_rate,
    cast(things_viewed as double) / session_count as things_viewed_per_session
from doors
order by source_app asc, session_count desc, entry_point asc
