{{ config(severity='warn') }}
{#- A path that is spelled as no event has it matches nothing, and the funnel says 0 % without a
    word: properties.topic_level of studyin, whose properties lie below properties.properties. -#}
{%- set names = (funnels().properties + funnels().breakdowns) | unique | sort -%}

with definitions as (
    select * from {{ ref('funnel_definitions') }}
),

events as (
    select
        event_name,
        source_app,
        {% for name in names %}
            count({{ event_property(name) }}) as count_{{ loop.index }},
        {% endfor %}
        count(*) as event_count
    from {{ ref('int_events') }}
    where event_name in (select definitions.event_name from definitions)
    group by event_name, source_app
),

asked as (
    select
        funnel_name,
        step_number,
        event_name,
        source_app,
        'property_name' as column_name,
        property_name as path
    from definitions
    union all
    select
        funnel_name,
        step_number,
        event_name,
        source_app,
        'breakdown_name' as column_name,
        breakdown_name as path
    from definitions
),

-- Of an event that never came nothing is known.
counted as (
    select
        asked.funnel_name,
        asked.step_number,
        asked.event_name,
        asked.column_name,
        asked.path,
        sum(
            case
                {% for name in names %}
                    when asked.path = '{{ name }}' then events.count_{{ loop.index }}
                {% endfor %}
                when asked.path is null then null
            end
        ) as found_count
    from asked
    inner join events
        on
            asked.event_name = events.event_name
            and events.source_app = coalesce(asked.source_app, events.source_app)
    where asked.path is not null
    group by
        asked.funnel_name, asked.step_number, asked.event_name, asked.column_name, asked.path
)

select
    funnel_name,
    step_number,
    event_name,
    column_name,
    path
from counted
where found_count = 0
