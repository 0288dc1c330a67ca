-- Do people on a phone get as far as people at a desk?
--
-- Rates are pooled: all who reached the step, of all who entered. An average of daily rates would
-- let a day with one person weigh as much as one with a hundred. A funnel is followed up to the
-- first day that is not complete. Of the days after it, those on which everybody was quick to
-- convert are complete already and those with a straggler are not, so they would flatter. The
-- device is that of the first event, as the app names it, and unknown where that event does not
-- say. Before you believe a difference, look at entered_count.

with funnels as (
    select * from {{ ref('funnels') }}
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
    select funnels.*
    from funnels
    left join unsettled on funnels.funnel_name = unsettled.funnel_name
    where
        funnels.breakdown_name = 'device_type'
        and funnels.is_complete
        and (unsettled.first_date is null or funnels.entry_date < unsettled.first_date)
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
