-- What becomes of people from one week to the next?
--
-- Read a row as: of those who were in state_before in one week, this share was in state_after in
-- the next. The shares of each state_before add up to 1. new → dormant is what the first week
-- loses, dormant → returning what comes back. All pairs of complete weeks are pooled; dormant
-- grows with the age of the warehouse, for whoever left stays in it for ever.

with user_lifecycle as (
    select * from {{ ref('user_lifecycle') }}
),

-- From the first week on everybody has a row for each week, so the row before is the week before.
moves as (
    select
        lag(lifecycle_state) over (partition by person_key order by week_start) as state_before,
        lifecycle_state as state_after
    from user_lifecycle
),

flows as (
    select
        state_before,
        state_after,
        count(*) as person_week_count
    from moves
    where state_before is not null
    group by state_before, state_after
),

totals as (
    select
        state_before,
        sum(person_week_count) as person_week_count
    from flows
    group by state_before
)

select
    flows.state_before,
    flows.state_after,
    flows.person_week_count,
    cast(flows.person_week_count as double) / totals.person_week_count as share_of_state_before
from flows
inner join totals on flows.state_before = totals.state_before
order by flows.state_before asc, flows.person_week_count desc, flows.state_after asc
