{{ config(materialized='incremental', unique_key='everything') }}

{%- set step_count = funnels().step_count %}
{#- What comes before an event. Of its own steps the later are first: no event is two of them. -#}
{%- set chains = {
    'ordered': 'order by place, step_number desc rows between unbounded preceding and 1 preceding'
} %}
{#- Only where a funnel asks for it: a window costs as much with nothing in it. -#}
{%- if funnels().has_strict %}
    {%- do chains.update({'strict': 'order by place range between 1 preceding and 1 preceding'}) %}
{%- endif %}

with funnel_events as (
    select * from {{ ref('int_funnel_events') }}
    {%- if var('as_of_date') %}
        where
            occurred_at
            < {{ utc_midnight(dbt.dateadd('day', 1, "cast('" ~ var('as_of_date') ~ "' as date)")) }}
    {%- endif %}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

openings as (
    select * from {{ ref('int_session_openings') }}
),

definitions as (
    select
        funnel_name,
        ordering,
        unit,
        cast(window_minutes as bigint) * 60 * 1000000 as window_us
    from {{ ref('funnel_definitions') }}
    where ordering is not null
),

-- A session in which two people appear is one attempt, of the person who opened it.
acted as (
    select
        funnel_events.funnel_name,
        definitions.ordering,
        definitions.window_us,
        definitions.unit,
        case when definitions.unit = 'session' then funnel_events.session_id end as session_id,
        coalesce(openings.actor_key, funnel_events.actor_key) as actor_key,
        coalesce(openings.actor_kind, funnel_events.actor_kind) as actor_kind,
        funnel_events.step_number,
        funnel_events.event_key,
        funnel_events.breakdown_value,
        {{ epoch_us('funnel_events.occurred_at') }} as occurred_us
    from funnel_events
    inner join definitions on funnel_events.funnel_name = definitions.funnel_name
    left join openings
        on definitions.unit = 'session' and funnel_events.session_id = openings.session_id
),

known as (
    select
        acted.funnel_name,
        acted.ordering,
        acted.window_us,
        coalesce(actor_persons.person_key, acted.actor_key) as person_key,
        acted.session_id,
        case
            when acted.unit = 'session' then acted.session_id
            else coalesce(actor_persons.person_key, acted.actor_key)
        end as unit_key,
        acted.step_number,
        acted.event_key,
        acted.breakdown_value,
        acted.occurred_us
    from acted
    left join actor_persons
        on
            acted.actor_key = actor_persons.actor_key
            and acted.actor_kind = actor_persons.actor_kind
),

-- One event, one place: at one instant the earlier step comes first, an exclusion (step 0) last.
ranked as (
    select
        *,
        min(case when step_number > 0 then step_number end) over (
            partition by funnel_name, unit_key, event_key
        ) as first_step
    from known
    where unit_key is not null
),

placed as (
    select
        *,
        dense_rank() over (
            partition by funnel_name, unit_key
            order by occurred_us, coalesce(first_step, 1000), event_key
        ) as place,
        count(case when step_number = 0 then 1 end) over (
            partition by funnel_name, unit_key
            order by occurred_us, coalesce(first_step, 1000), event_key
            range between unbounded preceding and current row
        ) as stretch
    from ranked
),

-- At each step the latest start from which it was reached: of all that earlier rows of the step
-- before carry, only the greatest can still be within the window.
reached_1 as (
    select
        funnel_name,
        ordering,
        window_us,
        person_key,
        session_id,
        unit_key,
        step_number,
        event_key,
        breakdown_value,
        occurred_us,
        place,
        stretch,
        case when step_number = 1 then occurred_us end as start_us
    from placed
),
{% for step in range(2, step_count + 1) %}
    reached_{{ step }} as (
        select
            funnel_name,
            ordering,
            window_us,
            person_key,
            session_id,
            unit_key,
            step_number,
            event_key,
            breakdown_value,
            occurred_us,
            place,
            stretch,
            case
                when step_number <> {{ step }} then start_us
                {% for ordering, order_and_frame in chains.items() %}
                    when ordering = '{{ ordering }}'
                        then
                            max(
                                case
                                    when
                                        step_number = {{ step - 1 }}
                                        and occurred_us - start_us <= window_us
                                        then start_us
                                end
                            ) over (
                                partition by funnel_name, unit_key, stretch
                                {{ order_and_frame }}
                            )
                {% endfor %}
            end as start_us
        from reached_{{ step - 1 }}
    ){% if not loop.last %},{% endif %}
{% endfor %}

select
    funnel_name,
    ordering,
    window_us,
    person_key,
    session_id,
    unit_key,
    step_number,
    event_key,
    breakdown_value,
    occurred_us,
    place,
    stretch,
    start_us
from reached_{{ step_count }}
where step_number > 0 and {{ is_touched('everything') }}
