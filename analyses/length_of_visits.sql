-- How long is a visit, and how much is done in one?
--
-- Medians, because a few very long visits move an average. Length is from the first deed to the
-- last and is 0 for a visit of one deed; active time is unmeasured there, so its median is of the
-- other visits only. interactions_per_session leaves out views. Visits that may still go on do
-- not count.

with sessions as (
    select * from {{ ref('sessions') }}
),

finished as (
    select * from sessions
    where not is_active
)

select
    source_app,
    count(*) as session_count,
    {{ quantile('duration_seconds', 0.5) }} / 60 as median_minutes,
    {{ quantile('duration_seconds', 0.9) }} / 60 as p90_minutes,
    {{ quantile('active_seconds', 0.5) }} / 60 as median_active_minutes,
    cast(sum(interaction_count) as double) / count(*) as interactions_per_session,
    cast(sum(session_depth) as double) / count(*) as things_viewed_per_session,
    cast(count(case when is_bounce then 1 end) as double) / count(*) as bounce_rate
from finished
group by source_app
order by session_count desc, source_app asc
