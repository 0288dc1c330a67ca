{{ config(materialized='incremental', unique_key='visitor_key') }}

{%- set funnels = funnels() %}

with definitions as (
    select * from {{ ref('funnel_definitions') }}
),

events as (
    select
        event_key,
        event_name,
        source_app,
        {% for name in funnels.properties %}
            {{ event_property(name) }} as property_{{ loop.index }},
        {% endfor %}
        {% for name in funnels.breakdowns %}
            {{ event_property(name) }} as breakdown_{{ loop.index }},
        {% endfor %}
        is_activity
    from {{ ref('int_events') }}
    where not is_clock_skewed and {{ is_touched('visitor_key') }}
),

attributed as (
    select
        event_key,
        visitor_key,
        actor_key,
        actor_kind,
        session_id,
        occurred_at
    from {{ ref('int_events_attributed') }}
    where {{ is_touched('visitor_key') }}
),

options as (
    select
        funnel_name,
        ordering,
        breakdown_name
    from definitions
    where ordering is not null
),

matched as (
    select
        events.event_key,
        definitions.funnel_name,
        -- An event that two rows of one step name is one match.
        definitions.step_number,
        case
            {% for name in funnels.breakdowns %}
                when options.breakdown_name = '{{ name }}' then events.breakdown_{{ loop.index }}
            {% endfor %}
            when options.breakdown_name is null then null
        end as breakdown_value
    from events
    inner join definitions
        on
            events.event_name = definitions.event_name
            and events.source_app = coalesce(definitions.source_app, events.source_app)
    inner join options on definitions.funnel_name = options.funnel_name
    where
        case
            when definitions.property_name is null then true
            {% for name in funnels.properties %}
                when definitions.property_name = '{{ name }}'
                    then events.property_{{ loop.index }} = definitions.property_value
            {% endfor %}
        end
    union
    -- Strictly one after the other: everything else that a person does stands between.
    select
        events.event_key,
        options.funnel_name,
        cast(null as integer) as step_number,
        cast(null as varchar) as breakdown_value
    from events
    inner join options on options.ordering = 'strict'
    where events.is_activity
)

select
    attributed.visitor_key,
    attributed.actor_key,
    attributed.actor_kind,
    attributed.session_id,
    matched.funnel_name,
    matched.step_number,
    matched.event_key,
    matched.breakdown_value,
    attributed.occurred_at
from matched
inner join attributed on matched.event_key = attributed.event_key
