-- Born from paths cut at a depth: sessions that came to a step have to leave it, and all that enter an
-- app exit or go on.
with edges as (
    select * from {{ ref('path_edges') }}
),

inflow as (
    select source_app, depth + 1 as depth, to_step as step, sum(session_count) as session_count
    from edges
    where to_step not in ('(exit)', '(more)')
    group by source_app, depth + 1, to_step
),

outflow as (
    select source_app, depth, from_step as step, sum(session_count) as session_count
    from edges
    where depth > 0
    group by source_app, depth, from_step
),

of_nodes as (
    select
        coalesce(inflow.source_app, outflow.source_app) as source_app,
        coalesce(inflow.depth, outflow.depth) as depth,
        coalesce(inflow.step, outflow.step) as step,
        inflow.session_count as came_in,
        outflow.session_count as went_out
    from inflow
    full outer join outflow
        on
            inflow.source_app = outflow.source_app
            and inflow.depth = outflow.depth
            and inflow.step = outflow.step
),

of_steps as (
    select source_app, count(*) as session_count
    from {{ ref('int_session_steps') }}
    where depth = 1
    group by source_app
),

of_edges as (
    select
        source_app,
        sum(case when from_step = '(entry)' then session_count else 0 end) as came_in,
        sum(case when to_step in ('(exit)', '(more)') then session_count else 0 end) as went_out
    from edges
    group by source_app
)

select source_app, depth, step, came_in, went_out
from of_nodes
where came_in is distinct from went_out
union all
select coalesce(of_edges.source_app, of_steps.source_app), null, null, came_in, went_out
from of_edges
full outer join of_steps on of_edges.source_app = of_steps.source_app
where
    of_edges.came_in is distinct from of_steps.session_count
    or of_edges.went_out is distinct from of_steps.session_count
