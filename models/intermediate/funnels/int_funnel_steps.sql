{{ config(materialized='incremental', unique_key='everything') }}

{%- set step_count = funnels().step_count %}

with attempts as (
    select * from {{ ref('int_funnel_attempts') }}
),

in_order as (
    select
        funnel_name,
        person_key,
        session_id,
        unit_key,
        step_number,
        event_key,
        start_us,
        occurred_us as reached_us
    from attempts
    where ordering <> 'any_order' and occurred_us - start_us <= window_us
),

-- In any order every event can start; what comes next of each step counts within the window.
ahead as (
    select
        funnel_name,
        person_key,
        session_id,
        unit_key,
        event_key,
        stretch,
        occurred_us,
        {% for step in range(1, step_count + 1) %}
            min(case when step_number = {{ step }} then occurred_us end) over (
                partition by funnel_name, unit_key, stretch order by place
                range between current row and unbounded following
            ) as next_{{ step }}_us,
        {% endfor %}
        window_us
    from attempts
    where ordering = 'any_order'
),

found as (
    {% for step in range(1, step_count + 1) %}
        select
            funnel_name,
            person_key,
            session_id,
            unit_key,
            event_key as start_key,
            occurred_us as start_us,
            stretch,
            {{ step }} as step_number,
            next_{{ step }}_us as reached_us
        from ahead
        where next_{{ step }}_us - occurred_us <= window_us
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

keyed as (
    select
        found.funnel_name,
        found.person_key,
        found.session_id,
        found.unit_key,
        found.start_key,
        found.start_us,
        found.step_number,
        found.reached_us,
        min(attempts.event_key) as event_key
    from found
    inner join attempts
        on
            found.funnel_name = attempts.funnel_name
            and found.unit_key = attempts.unit_key
            and found.stretch = attempts.stretch
            and found.step_number = attempts.step_number
            and found.reached_us = attempts.occurred_us
    group by
        found.funnel_name, found.person_key, found.session_id, found.unit_key, found.start_key,
        found.start_us, found.step_number, found.reached_us
),

in_any_order as (
    select
        funnel_name,
        person_key,
        session_id,
        unit_key,
        row_number() over (
            partition by funnel_name, unit_key, start_key order by reached_us, step_number
        ) as step_number,
        event_key,
        start_us,
        reached_us
    from keyed
),

gathered as (
    select * from in_order
    union all
    select * from in_any_order
),

dated as (
    select
        *,
        {{ local_date(from_epoch_us('start_us')) }} as entry_date
    from gathered
),

-- Of the attempts of a day the one that comes to a step first.
ranked as (
    select
        *,
        row_number() over (
            partition by funnel_name, unit_key, entry_date, step_number
            order by reached_us asc, start_us desc, event_key asc
        ) as turn
    from dated
)

select
    funnel_name,
    person_key,
    session_id,
    unit_key,
    entry_date,
    cast(step_number as integer) as step_number,
    event_key,
    {{ from_epoch_us('start_us') }} as started_at,
    {{ from_epoch_us('reached_us') }} as reached_at
from ranked
where turn = 1 and {{ is_touched('everything') }}
