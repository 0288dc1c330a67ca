-- After which first steps do visits end?
--
-- The ten ways of each app in which most visits end within four steps. dropoff_rate says how sure
-- that end is: of all visits that begin with these steps, the share that goes no further. Many
-- visits with a low rate are a busy road, few with a high rate a dead end; look at those with
-- both. An end is no failure where the last step is what people came for. Visits that may still
-- go on count as they stand, and only the 100 most frequent ways of an app are known.

with common_paths as (
    select * from {{ ref('common_paths') }}
),

measured as (
    select
        *,
        1 + cast((length(path) - length(replace(path, ' > ', ''))) / 3 as bigint) as step_count
    from common_paths
),

-- Of five steps the mart also counts the visits that go on.
ranked as (
    select
        *,
        row_number() over (partition by source_app order by frequency desc, path asc) as place
    from measured
    where step_count < 5
)

select
    source_app,
    place,
    path,
    step_count,
    frequency as ended_session_count,
    person_count,
    dropoff_rate,
    avg_duration_seconds
from ranked
where place <= 10
order by source_app, place
