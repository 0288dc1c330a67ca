{{ config(materialized='incremental', unique_key='everything') }}

with people as (
    select * from {{ ref('funnel_people') }}
),

steps as (
    select * from {{ ref('int_funnel_steps') }}
),

definitions as (
    select * from {{ ref('funnel_definitions') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

named as (
    select
        funnel_name,
        step_number,
        max(step_name) as step_name,
        max(breakdown_name) as breakdown_name
    from definitions
    where step_number > 0
    group by funnel_name, step_number
),

windows as (
    select
        funnel_name,
        cast(window_minutes as bigint) * 60 * 1000000 as window_us
    from definitions
    where ordering is not null
),

broken_down as (
    select
        *,
        'all' as breakdown_name,
        'all' as breakdown
    from people
    union all
    select
        people.*,
        named.breakdown_name,
        people.breakdown_value as breakdown
    from people
    inner join named
        on
            people.funnel_name = named.funnel_name
            and named.step_number = 1
            and named.breakdown_name is not null
),

entrants as (
    select
        funnel_name,
        entry_date,
        breakdown_name,
        breakdown,
        count(case when not is_open then 1 end) as entered_count,
        count(case when is_open then 1 end) as open_count
    from broken_down
    group by funnel_name, entry_date, breakdown_name, breakdown
),

timed as (
    select
        broken_down.funnel_name,
        broken_down.entry_date,
        broken_down.breakdown_name,
        broken_down.breakdown,
        steps.step_number,
        {{ epoch_us('steps.reached_at') }} - {{ epoch_us('steps.started_at') }} as taken_us
    from broken_down
    inner join steps
        on
            broken_down.funnel_name = steps.funnel_name
            and broken_down.entry_date = steps.entry_date
            and coalesce(broken_down.session_id, broken_down.person_key) = steps.unit_key
    where not broken_down.is_open
),

reached as (
    select
        funnel_name,
        entry_date,
        breakdown_name,
        breakdown,
        step_number,
        count(*) as reached_count,
        {{ quantile('taken_us', 0.5) }} / 1000000 as median_seconds,
        {{ quantile('taken_us', 0.9) }} / 1000000 as p90_seconds
    from timed
    group by funnel_name, entry_date, breakdown_name, breakdown, step_number
),

filled as (
    select
        entrants.funnel_name,
        entrants.entry_date,
        entrants.breakdown_name,
        entrants.breakdown as breakdown_value,
        named.step_number,
        named.step_name,
        entrants.entered_count,
        coalesce(reached.reached_count, 0) as reached_count,
        entrants.open_count,
        case when named.step_number > 1 then reached.median_seconds end as median_seconds,
        case when named.step_number > 1 then reached.p90_seconds end as p90_seconds
    from entrants
    inner join named on entrants.funnel_name = named.funnel_name
    left join reached
        on
            entrants.funnel_name = reached.funnel_name
            and entrants.entry_date = reached.entry_date
            and entrants.breakdown_name = reached.breakdown_name
            and entrants.breakdown = reached.breakdown
            and named.step_number = reached.step_number
),

compared as (
    select
        *,
        lag(reached_count) over (
            partition by funnel_name, entry_date, breakdown_name, breakdown_value
            order by step_number
        ) as reached_before
    from filled
)

select
    compared.funnel_name,
    compared.entry_date,
    compared.breakdown_name,
    compared.breakdown_value,
    compared.step_number,
    compared.step_name,
    compared.entered_count,
    compared.reached_count,
    compared.open_count,
    cast(compared.reached_count as double) / nullif(compared.entered_count, 0) as conversion_rate,
    cast(compared.reached_count as double)
    / nullif(coalesce(compared.reached_before, compared.entered_count), 0) as step_rate,
    compared.median_seconds,
    compared.p90_seconds,
    {{ epoch_us(utc_midnight(dbt.dateadd('day', 1, 'compared.entry_date'))) }} + windows.window_us
    <= {{ epoch_us(utc_midnight(dbt.dateadd('day', 1, 'watermark.as_of_date'))) }} as is_complete
from compared
inner join windows on compared.funnel_name = windows.funnel_name
cross join watermark
where {{ is_touched('everything') }}
