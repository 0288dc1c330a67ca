{#- How far each grain is followed, and how many days a period of a person's own is long. -#}
{%- set grains = [('day', 30, 1), ('week', 52, 7), ('month', 24, 28)] %}
{%- set traits = ['device_type', 'browser', 'country', 'entry_point', 'user_kind'] %}

with firsts as (
    select * from {{ ref('int_person_firsts') }}
),

watermark as (
    select
        as_of_date,
        {{ utc_midnight(dbt.dateadd('day', 1, 'as_of_date')) }} as ends_at
    from {{ ref('int_data_watermark') }}
),

seen as (
    select
        firsts.*,
        {{ dbt.dateadd('day', 1, 'watermark.as_of_date') }} as end_date,
        {{ epoch_us('watermark.ends_at') }} - {{ epoch_us('firsts.first_deed_at') }} as seen_us
    from firsts
    cross join watermark
    where firsts.first_date <= watermark.as_of_date
),

grained as (
    {%- for grain, last_period, own_days in grains %}
        {%- set cohort_start = "cast(" ~ dbt.date_trunc(grain, 'first_date') ~ " as date)" %}
        select
            *,
            '{{ grain }}' as cohort_grain,
            {{ cohort_start }} as cohort_start,
            {{ last_period }} as last_period,
            {{ periods_between(cohort_start, 'end_date', grain) }} as calendar_periods,
            {{ own_days }} * 86400000000 as own_period_us
        from seen
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
),

divided as (
    select
        *,
        'all' as breakdown_name,
        'all' as breakdown_value
    from grained
    {%- for trait in traits %}
        union all
        select
            *,
            '{{ trait }}' as breakdown_name,
            {{ trait }} as breakdown_value
        from grained
    {%- endfor %}
)

select
    source_app,
    person_key,
    breakdown_name,
    breakdown_value,
    cohort_grain,
    cohort_start,
    last_period,
    calendar_periods,
    cast(floor(seen_us / own_period_us) as bigint) as own_periods,
    first_deed_at,
    own_period_us
from divided
