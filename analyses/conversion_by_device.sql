-- Do people on a phone get as far as people at a desk?
--
-- Rates are pooled: all who reached the step, of all who entered. An average of daily rates would
-- let a day with one person weigh as much as one with a hundred. A funnel is followed up to the
-- first day that is not complete: of later ones only those who were quick are known, and they would
-- flatter. The device is that of the first event, as the app names it, and unknown where that event
-- does not say. Before you believe a difference, look at entered_count.

with funnels as (
    select * from {{ ref('funnels') }}
),

settled as (
    select * from funnels
    where breakdown_name = 'device_type' and is_complete
),

pooled as (
    select
        funnel_name,
        breakdown_value as device_type,
        step_number,
        step_name,
        count(*) as day_count,
        cast(sum(entered_count) as bigint) as entered_count,
        cast(sum(reached_count) as bigint) as reached_count
    from settled
    group by funnel_name, breakdown_value, step_number, step_name
)

select
    funnel_name,
    device_type,
    step_number,
    step_name,
    day_count,
    entered_count,
    reached_count,
    cast(reached_count as double) / nullif(entered_count, 0) as conversion_rate
from pooled
order by funnel_name, device_type, step_number
