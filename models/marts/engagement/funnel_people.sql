{{ config(materialized='incremental', unique_key='everything') }}

with steps as (
    select * from {{ ref('int_funnel_steps') }}
),

attempts as (
    select
        *,
        {{ from_epoch_us('occurred_us') }} as occurred_at
    from {{ ref('int_funnel_attempts') }}
),

definitions as (
    select * from {{ ref('funnel_definitions') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

options as (
    select
        funnel_name,
        max(step_number) as step_count,
        max(ordering) as ordering,
        max(cast(window_minutes as bigint)) * 60 * 1000000 as window_us
    from definitions
    group by funnel_name
),

numbered as (
    select distinct
        funnel_name,
        step_number
    from definitions
    where step_number > 0
),

levels as (
    select
        funnel_name,
        person_key,
        session_id,
        unit_key,
        entry_date,
        max(step_number) as level_reached
    from steps
    group by funnel_name, person_key, session_id, unit_key, entry_date
),

-- The step at which it ended, or the last.
ended as (
    select
        levels.funnel_name,
        levels.person_key,
        levels.session_id,
        levels.unit_key,
        levels.entry_date,
        levels.level_reached,
        options.step_count,
        options.ordering,
        options.window_us,
        levels.level_reached = options.step_count as is_converted,
        steps.started_at,
        steps.reached_at,
        steps.last_started_at,
        steps.taken_step_number,
        steps.event_key
    from levels
    inner join options on levels.funnel_name = options.funnel_name
    inner join steps
        on
            levels.funnel_name = steps.funnel_name
            and levels.unit_key = steps.unit_key
            and levels.entry_date = steps.entry_date
            and levels.level_reached = steps.step_number
),

described as (
    select
        funnel_name,
        unit_key,
        occurred_at,
        min(breakdown_value) as breakdown_value
    from attempts
    where step_number = 1 or ordering = 'any_order'
    group by funnel_name, unit_key, occurred_at
),

missing as (
    select
        ended.*,
        numbered.step_number as missing_step
    from ended
    inner join numbered on ended.funnel_name = numbered.funnel_name
    left join steps
        on
            ended.funnel_name = steps.funnel_name
            and ended.unit_key = steps.unit_key
            and ended.entry_date = steps.entry_date
            and numbered.step_number = steps.taken_step_number
    where
        not ended.is_converted
        and steps.unit_key is null
        and (ended.ordering = 'any_order' or numbered.step_number = ended.level_reached + 1)
),

-- How long the attempt would be with a missing step; in any order one from before it may do too.
chances as (
    select
        missing.funnel_name,
        missing.unit_key,
        missing.entry_date,
        missing.window_us,
        here.place < other.place as is_later,
        here.stretch = other.stretch as is_allowed,
        case
            when here.place < other.place
                then other.occurred_us - {{ epoch_us('missing.started_at') }}
            else here.occurred_us - other.occurred_us
        end as length_us
    from missing
    inner join attempts as here
        on
            missing.funnel_name = here.funnel_name
            and missing.unit_key = here.unit_key
            and missing.event_key = here.event_key
            and missing.taken_step_number = here.step_number
    inner join attempts as other
        on
            missing.funnel_name = other.funnel_name
            and missing.unit_key = other.unit_key
            and missing.missing_step = other.step_number
            and (here.place < other.place or missing.ordering = 'any_order')
),

-- What an earlier attempt took as well does not tell why this one ended.
stopped as (
    select
        funnel_name,
        unit_key,
        entry_date,
        min(length_us) as shortest_us,
        min(case when is_allowed then length_us end) as shortest_allowed_us
    from chances
    where is_later or not is_allowed or length_us > window_us
    group by funnel_name, unit_key, entry_date
),

judged as (
    select
        ended.*,
        described.breakdown_value,
        stopped.shortest_us,
        stopped.shortest_allowed_us,
        not ended.is_converted
        and {{ epoch_us('ended.last_started_at') }} + ended.window_us
        >= {{ epoch_us(utc_midnight(dbt.dateadd('day', 1, 'watermark.as_of_date'))) }} as is_open
    from ended
    inner join described
        on
            ended.funnel_name = described.funnel_name
            and ended.unit_key = described.unit_key
            and ended.started_at = described.occurred_at
    left join stopped
        on
            ended.funnel_name = stopped.funnel_name
            and ended.unit_key = stopped.unit_key
            and ended.entry_date = stopped.entry_date
    cross join watermark
)

select
    funnel_name,
    entry_date,
    person_key,
    session_id,
    started_at as entered_at,
    level_reached,
    step_count,
    is_converted,
    case when is_converted then reached_at end as converted_at,
    reached_at as last_step_at,
    event_key as last_event_key,
    is_open,
    case
        when is_converted then null
        when is_open then 'open'
        when shortest_us is null then 'no event'
        when shortest_us > window_us then 'out of window'
        when shortest_allowed_us is null or shortest_allowed_us > window_us then 'excluded'
        when ordering = 'strict' then 'not the next event'
        else 'counted for a later start'
    end as stop_reason,
    coalesce(breakdown_value, 'unknown') as breakdown_value
from judged
where {{ is_touched('everything') }}
