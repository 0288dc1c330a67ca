-- Nobody reaches a step without the one before it, and a breakdown loses nobody.
with steps as (
    select * from {{ ref('funnels') }}
),

growing as (
    select
        later.funnel_name,
        later.entry_date,
        later.breakdown_name,
        later.step_number,
        'a later step has more' as problem
    from steps as later
    inner join steps as earlier
        on
            later.funnel_name = earlier.funnel_name
            and later.entry_date = earlier.entry_date
            and later.breakdown_name = earlier.breakdown_name
            and later.breakdown_value = earlier.breakdown_value
            and later.step_number = earlier.step_number + 1
    where later.reached_count > earlier.reached_count
),

summed as (
    select
        funnel_name,
        entry_date,
        breakdown_name,
        step_number,
        sum(reached_count) as reached_count,
        sum(open_count) as open_count
    from steps
    group by funnel_name, entry_date, breakdown_name, step_number
),

losing as (
    select
        summed.funnel_name,
        summed.entry_date,
        summed.breakdown_name,
        summed.step_number,
        'a breakdown has not all' as problem
    from summed
    inner join summed as whole
        on
            summed.funnel_name = whole.funnel_name
            and summed.entry_date = whole.entry_date
            and summed.step_number = whole.step_number
            and whole.breakdown_name = 'all'
    where
        summed.reached_count <> whole.reached_count
        or summed.open_count <> whole.open_count
)

select * from growing
union all
select * from losing
