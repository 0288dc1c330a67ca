{{ config(materialized='incremental', unique_key='everything') }}

{%- set deepest = 10 %}
{%- set kept_count = 20 %}

with steps as (
    select * from {{ ref('int_session_steps') }}
    where depth <= {{ deepest + 1 }}
),

sessions as (
    select * from {{ ref('sessions') }}
),

frequencies as (
    select
        source_app,
        step,
        count(distinct session_id) as session_count
    from steps
    where depth <= {{ deepest }}
    group by source_app, step
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_app order by session_count desc, step asc
        ) as place
    from frequencies
),

named as (
    select
        steps.session_id,
        steps.source_app,
        steps.depth,
        case when ranked.place <= {{ kept_count }} then steps.step else 'other' end as step
    from steps
    left join ranked on steps.source_app = ranked.source_app and steps.step = ranked.step
),

followed as (
    select
        *,
        lead(step) over (partition by session_id order by depth) as next_step
    from named
),

moves as (
    select
        session_id,
        source_app,
        0 as depth,
        '(entry)' as from_step,
        step as to_step
    from named
    where depth = 1
    union all
    select
        session_id,
        source_app,
        depth,
        step as from_step,
        case
            when next_step is null then '(exit)'
            when depth = {{ deepest }} then '(more)'
            else next_step
        end as to_step
    from followed
    where depth <= {{ deepest }}
)

select
    moves.source_app,
    cast(moves.depth as bigint) as depth,
    moves.from_step,
    moves.to_step,
    count(*) as session_count,
    count(distinct sessions.person_key) as person_count
from moves
inner join sessions on moves.session_id = sessions.session_id
where {{ is_touched('everything') }}
group by moves.source_app, moves.depth, moves.from_step, moves.to_step
