-- Where do people give up in each funnel, and why did they get no further?
--
-- One row for each step at which attempts ended and each reason; the shares of a funnel add up to
-- 1. `no event`: the next step never came. `out of window`: it came too late. `counted for a later
-- start`: they tried again and got on that way, so it is no loss. Who converted misses no step. A
-- funnel is followed up to the first day that is not complete: of later days only the quick ones
-- are known, and they would flatter. A person who enters on three days is three attempts.

with funnel_people as (
    select * from {{ ref('funnel_people') }}
),

funnels as (
    select * from {{ ref('funnels') }}
),

step_names as (
    select
        funnel_name,
        step_number,
        max(step_name) as step_name
    from funnels
    group by funnel_name, step_number
),

unsettled as (
    select
        funnel_name,
        min(entry_date) as first_date
    from funnels
    where not is_complete
    group by funnel_name
),

settled as (
    select
        funnel_people.funnel_name,
        funnel_people.level_reached,
        coalesce(funnel_people.stop_reason, 'converted') as outcome
    from funnel_people
    left join unsettled on funnel_people.funnel_name = unsettled.funnel_name
    where unsettled.first_date is null or funnel_people.entry_date < unsettled.first_date
),

entered as (
    select
        funnel_name,
        count(*) as entered_count
    from settled
    group by funnel_name
),

stopped as (
    select
        funnel_name,
        level_reached,
        outcome,
        count(*) as attempt_count
    from settled
    group by funnel_name, level_reached, outcome
)

select
    stopped.funnel_name,
    stopped.level_reached,
    reached.step_name as last_step,
    missed.step_name as step_missed,
    stopped.outcome,
    stopped.attempt_count,
    cast(stopped.attempt_count as double) / entered.entered_count as share_of_entered
from stopped
inner join entered on stopped.funnel_name = entered.funnel_name
inner join step_names as reached
    on
        stopped.funnel_name = reached.funnel_name
        and stopped.level_reached = reached.step_number
left join step_names as missed
    on
        stopped.funnel_name = missed.funnel_name
        and stopped.level_reached + 1 = missed.step_number
order by
    stopped.funnel_name asc,
    stopped.level_reached asc,
    stopped.attempt_count desc,
    stopped.outcome asc
