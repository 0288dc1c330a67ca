{{ config(materialized='incremental', unique_key='everything') }}

{%- set longest = 5 %}
{%- set kept_count = 100 %}

with steps as (
    select * from {{ ref('int_session_steps') }}
    where depth <= {{ longest + 1 }}
),

sessions as (
    select * from {{ ref('sessions') }}
),

sequences as (
    select
        session_id,
        source_app,
        {%- for depth in range(1, longest + 1) %}
        max(case when depth = {{ depth }} then step end) as step_{{ depth }},
        {%- endfor %}
        max(depth) as step_count
    from steps
    group by session_id, source_app
),

taken as (
    select
        sequences.source_app,
        concat_ws(' > ', {% for depth in range(1, longest + 1) -%}
            sequences.step_{{ depth }}{{ ', ' if not loop.last }}
        {%- endfor %}) as path,
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
        count(case when step_count <= {{ longest }} then 1 end) as ended_count
    from taken
    group by source_app, path
),

-- Sessions of the same steps are counted first: there are fewer beginnings to spell out.
distinct_sequences as (
    select
        source_app,
        {%- for depth in range(1, longest + 1) %}
        step_{{ depth }},
        {%- endfor %}
        count(*) as session_count
    from sequences
    group by source_app, {% for depth in range(1, longest + 1) -%}
        step_{{ depth }}{{ ', ' if not loop.last }}
    {%- endfor %}
),

beginnings as (
    {%- for length in range(1, longest + 1) %}
    select
        source_app,
        concat_ws(' > ', {% for depth in range(1, length + 1) -%}
            step_{{ depth }}{{ ', ' if not loop.last }}
        {%- endfor %}) as path,
        session_count
    from distinct_sequences
    where step_{{ length }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

begun as (
    select
        source_app,
        path,
        sum(session_count) as begun_count
    from beginnings
    group by source_app, path
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_app order by frequency desc, path asc
        ) as place
    from paths
)

select
    ranked.source_app,
    ranked.path,
    ranked.frequency,
    ranked.person_count,
    cast(ranked.duration_seconds as double) / ranked.frequency as avg_duration_seconds,
    cast(ranked.ended_count as double) / begun.begun_count as dropoff_rate
from ranked
inner join begun on ranked.source_app = begun.source_app and ranked.path = begun.path
where ranked.place <= {{ kept_count }} and {{ is_touched('everything') }}
