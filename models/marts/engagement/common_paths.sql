{{ config(materialized='incremental', unique_key='everything') }}

{%- set kept_count = 100 %}

-- The sixth tells that a session goes on.
with steps as (
    select * from {{ ref('int_session_steps') }}
    where depth <= 6
),

sessions as (
    select * from {{ ref('sessions') }}
),

lengths as (
    select distinct depth as step_count
    from steps
    where depth <= 5
),

sequences as (
    select
        session_id,
        source_app,
        max(case when depth = 1 then step end) as step_1,
        max(case when depth = 2 then step end) as step_2,
        max(case when depth = 3 then step end) as step_3,
        max(case when depth = 4 then step end) as step_4,
        max(case when depth = 5 then step end) as step_5,
        max(depth) as step_count
    from steps
    group by session_id, source_app
),

taken as (
    select
        sequences.source_app,
        concat_ws(
            ' > ',
            sequences.step_1,
            sequences.step_2,
            sequences.step_3,
            sequences.step_4,
            sequences.step_5
        ) as path,
        sequences.step_count,
        sessions.person_key,
        sessions.duration_seconds
    from sequences
    inner join sessions on sequences.session_id = sessions.session_id
),

paths as (
    select
        source_app,
        path,
        count(*) as frequency,
        count(distinct person_key) as person_count,
        sum(duration_seconds) as duration_seconds,
        count(case when step_count <= 5 then 1 end) as ended_count
    from taken
    group by source_app, path
),

-- Alike sessions are counted first: that leaves fewer beginnings to spell out.
alike as (
    select
        source_app,
        step_1,
        step_2,
        step_3,
        step_4,
        step_5,
        step_count,
        count(*) as session_count
    from sequences
    group by source_app, step_1, step_2, step_3, step_4, step_5, step_count
),

beginnings as (
    select
        alike.source_app,
        alike.session_count,
        concat_ws(
            ' > ',
            alike.step_1,
            case when lengths.step_count >= 2 then alike.step_2 end,
            case when lengths.step_count >= 3 then alike.step_3 end,
            case when lengths.step_count >= 4 then alike.step_4 end,
            case when lengths.step_count >= 5 then alike.step_5 end
        ) as path
    from alike
    inner join lengths on alike.step_count >= lengths.step_count
),

begun as (
    select
        source_app,
        path,
        sum(session_count) as session_count
    from beginnings
    group by source_app, path
),

ranked as (
    select
        *,
        row_number() over (partition by source_app order by frequency desc, path asc) as place
    from paths
)

select
    ranked.source_app,
    ranked.path,
    ranked.frequency,
    ranked.person_count,
    cast(ranked.duration_seconds as double) / ranked.frequency as avg_duration_seconds,
    cast(ranked.ended_count as double) / begun.session_count as dropoff_rate
from ranked
inner join begun on ranked.source_app = begun.source_app and ranked.path = begun.path
where ranked.place <= {{ kept_count }} and {{ is_touched('everything') }}
