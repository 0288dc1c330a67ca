-- How long does it take newcomers from their first visit to their first prompt?
--
-- Of each app in which prompts are written: the newcomers' share that had sent one by then. The
-- shares only ever grow, and the last is of the first week; the median is of those who prompted
-- in it. Newcomers of the last eight days are left out, for theirs is not over; so are people
-- without consent, who are new each time. Who used the app before your data begins passes for
-- new, so leave out the first weeks of a new warehouse.

with events as (
    select * from {{ ref('events') }}
),

active_users as (
    select * from {{ ref('active_users') }}
),

last_day as (
    select max(activity_date) as last_date
    from active_users
    where is_complete
),

deeds as (
    select
        source_app,
        person_key,
        occurred_at,
        event_name in ('LLM_PROMPT', 'PROMPT_SUBMIT') as is_prompt
    from events
    where is_activity and not is_clock_skewed and consent_mode = 'full'
),

newcomers as (
    select
        source_app,
        person_key,
        min(occurred_at) as arrived_at,
        min(case when is_prompt then occurred_at end) as prompted_at
    from deeds
    group by source_app, person_key
),

-- Seven times 24 hours, and a day to spare: where days end depends on reporting_timezone.
watched as (
    select
        newcomers.source_app,
        (
            {{ epoch_us('newcomers.prompted_at') }} - {{ epoch_us('newcomers.arrived_at') }}
        ) / 1000000 as seconds_taken
    from newcomers
    cross join last_day
    where newcomers.arrived_at < {{ dbt.dateadd('day', -7, 'last_day.last_date') }}
),

counted as (
    select
        source_app,
        count(*) as newcomer_count,
        count(seconds_taken) as prompted_count,
        count(case when seconds_taken <= 300 then 1 end) as within_5_minutes,
        count(case when seconds_taken <= 3600 then 1 end) as within_hour,
        count(case when seconds_taken <= 86400 then 1 end) as within_day,
        count(case when seconds_taken <= 604800 then 1 end) as within_week,
        {{ quantile('case when seconds_taken <= 604800 then seconds_taken end', 0.5) }} / 60
            as median_minutes
    from watched
    group by source_app
)

select
    source_app,
    newcomer_count,
    cast(within_5_minutes as double) / newcomer_count as share_within_5_minutes,
    cast(within_hour as double) / newcomer_count as share_within_hour,
    cast(within_day as double) / newcomer_count as share_within_day,
    cast(within_week as double) / newcomer_count as share_within_week,
    median_minutes
from counted
where prompted_count > 0
order by source_app
