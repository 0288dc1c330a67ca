{{ config(materialized='incremental', unique_key='everything') }}

{%- set step_count = funnels().step_count %}

with attempts as (
    select * from {{ ref('int_funnel_attempts') }}
),

lengths as (
    select
        funnel_name,
        max(step_number) as step_count
    from {{ ref('funnel_definitions') }}
    group by funnel_name
),

in_order as (
    select
        funnel_name,
        person_key,
        session_id,
        unit_key,
        step_number,
        step_number as taken_step_number,
        event_key,
        place,
        start_us,
        occurred_us as reached_us
    from attempts
    where ordering <> 'any_order' and occurred_us - start_us <= window_us
),

-- In any order: when each step was last taken, at every event.
behind as (
    select
        funnel_name,
        person_key,
        session_id,
        unit_key,
        step_number as taken_step_number,
        event_key,
        stretch,
        place,
        occurred_us,
        {% for step in range(1, step_count + 1) %}
            max(case when step_number = {{ step }} then place end) over (
                partition by funnel_name, unit_key, stretch order by place
                range between unbounded preceding and current row
            ) as last_{{ step }}_place,
            max(case when step_number = {{ step }} then occurred_us end) over (
                partition by funnel_name, unit_key, stretch order by place
                range between unbounded preceding and current row
            ) as last_{{ step }}_us,
        {% endfor %}
        window_us
    from attempts
    where ordering = 'any_order'
),

starts as (
    {% for step in range(1, step_count + 1) %}
        select
            funnel_name,
            person_key,
            session_id,
            unit_key,
            taken_step_number,
            event_key,
            stretch,
            place,
            occurred_us as reached_us,
            last_{{ step }}_place as start_place,
            last_{{ step }}_us as start_us
        from behind
        where occurred_us - last_{{ step }}_us <= window_us
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- Two steps were taken since the second latest of them, three since the third latest: that is the
-- latest start from which so many are reached.
counted as (
    select
        *,
        row_number() over (
            partition by funnel_name, unit_key, place order by start_place desc
        ) as step_number
    from starts
),

completed as (
    select
        counted.*,
        case when counted.step_number = lengths.step_count then counted.start_place end
            as whole_from
    from counted
    inner join lengths on counted.funnel_name = lengths.funnel_name
),

-- The later an event, the later the start that it completes: the least is that of the next.
surrounded as (
    select
        *,
        max(case when whole_from is not null then 1 else 0 end) over (
            partition by funnel_name, unit_key, start_place
        ) as is_whole_start,
        min(whole_from) over (
            partition by funnel_name, unit_key, stretch order by place
            range between current row and unbounded following
        ) as next_whole_from
    from completed
),

-- What belongs to a completion begins nothing of its own, unless that is completed as well.
spent as (
    select
        funnel_name,
        unit_key,
        start_place
    from surrounded
    where step_number = 1 and is_whole_start = 0 and next_whole_from < place
),

in_any_order as (
    select
        completed.funnel_name,
        completed.person_key,
        completed.session_id,
        completed.unit_key,
        completed.step_number,
        completed.taken_step_number,
        completed.event_key,
        completed.place,
        completed.start_us,
        completed.reached_us
    from completed
    left join spent
        on
            completed.funnel_name = spent.funnel_name
            and completed.unit_key = spent.unit_key
            and completed.start_place = spent.start_place
    where spent.start_place is null
),

gathered as (
    select * from in_order
    union all
    select * from in_any_order
),

firsts as (
    select
        *,
        row_number() over (
            partition by funnel_name, unit_key, start_us, step_number order by place
        ) as turn
    from gathered
),

-- An attempt is what begins at one instant.
attempted as (
    select
        firsts.*,
        lengths.step_count,
        {{ local_date(from_epoch_us('firsts.start_us')) }} as entry_date,
        max(firsts.step_number) over (
            partition by firsts.funnel_name, firsts.unit_key, firsts.start_us
        ) as level_reached,
        max(firsts.reached_us) over (
            partition by firsts.funnel_name, firsts.unit_key, firsts.start_us
        ) as last_reached_us
    from firsts
    inner join lengths on firsts.funnel_name = lengths.funnel_name
    where firsts.turn = 1
),

-- Of the attempts of a day the first that came through; else of those that got furthest the latest.
ranked as (
    select
        *,
        max(start_us) over (partition by funnel_name, unit_key, entry_date) as last_start_us,
        dense_rank() over (
            partition by funnel_name, unit_key, entry_date
            order by
                level_reached desc,
                case when level_reached = step_count then last_reached_us end asc,
                start_us desc
        ) as attempt_rank
    from attempted
)

select
    funnel_name,
    person_key,
    session_id,
    unit_key,
    entry_date,
    cast(step_number as integer) as step_number,
    taken_step_number,
    event_key,
    {{ from_epoch_us('start_us') }} as started_at,
    {{ from_epoch_us('reached_us') }} as reached_at,
    {{ from_epoch_us('last_start_us') }} as last_started_at
from ranked
where attempt_rank = 1 and {{ is_touched('everything') }}
