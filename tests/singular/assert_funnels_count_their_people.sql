-- funnels is what one gets by counting the rows of funnel_people; a join that multiplies shows.
with counted as (
    select
        funnel_name,
        entry_date,
        count(case when not is_open then 1 end) as entered_count,
        count(case when is_converted then 1 end) as converted_count
    from {{ ref('funnel_people') }}
    group by funnel_name, entry_date
),

-- The last step that there is.
shown as (
    select
        funnel_name,
        entry_date,
        max(entered_count) as entered_count,
        min(reached_count) as converted_count
    from {{ ref('funnels') }}
    where breakdown_name = 'all'
    group by funnel_name, entry_date
)

select
    counted.funnel_name,
    counted.entry_date,
    counted.entered_count,
    shown.entered_count as shown_entered_count,
    counted.converted_count,
    shown.converted_count as shown_converted_count
from counted
full outer join shown
    on counted.funnel_name = shown.funnel_name and counted.entry_date = shown.entry_date
where
    coalesce(counted.entered_count, -1) <> coalesce(shown.entered_count, -1)
    or coalesce(counted.converted_count, -1) <> coalesce(shown.converted_count, -1)
