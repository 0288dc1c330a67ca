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
        max(window_minutes) * 60 * 1000000 as window_us
    from definitions
    group by funnel_name
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

-- What came of the step that was not reached, after the last that was.
stopped as (
    select
        ended.funnel_name,
        ended.unit_key,
        ended.entry_date,
        min(later.occurred_us) as next_us,
        min(case when later.stretch = here.stretch then later.occurred_us end) as next_allowed_us
    from ended
    inner join attempts as here
        on
            ended.funnel_name = here.funnel_name
            and ended.unit_key = here.unit_key
            and ended.event_key = here.event_key
            and ended.level_reached = here.step_number
    inner join attempts as later
        on
            here.funnel_name = later.funnel_name
            and here.unit_key = later.unit_key
            and here.step_number + 1 = later.step_number
            and here.place < later.place
    where ended.ordering <> 'any_order' and not ended.is_converted
    group by ended.funnel_name, ended.unit_key, ended.entry_date
),

judged as (
    select
        ended.*,
        described.breakdown_value,
        stopped.next_us,
        stopped.next_allowed_us,
        {{ epoch_us('ended.started_at') }} as start_us,
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
        when next_us is null then 'no event'
        when next_us - start_us > window_us then 'out of window'
        when next_allowed_us is null or next_allowed_us - start_us > window_us then 'excluded'
        when ordering = 'strict' then 'not the next event'
        else 'counted for a later start'
    end as stop_reason,
    coalesce(breakdown_value, 'unknown') as breakdown_value
from judged
where {{ is_touched('everything') }}
