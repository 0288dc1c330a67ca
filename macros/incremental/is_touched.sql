{#- The one incremental mechanism. A model says which unit it recomputes whole, and reads the events
    of the units that unseen loads can have fed:
        {{ config(unique_key='partition_key') }}
        … from {{ ref('int_events') }} where {{ is_touched('partition_key') }}
    Touched units are asked of the append-only events alone, never of derived rows: rows that move
    leave no trace, events do. A set may be too large, never too small. A unit is one of:
        load_id        what a load brings is judged once and for all
        event_key      an id that comes again
        partition_key  where sessions are cut
        visitor_key    a device, else a client session, else a user
        everything     small tables, and what depends on "today": whole, whenever there is a new load
    A session belongs to the visitor who opened it, so the visitors of touched partitions are touched. -#}
{% macro is_touched(unit) %}
    {#- Asked for before any branch: dbt takes down only the refs that it meets while it parses. -#}
    {%- set events = ref('int_events_judged') if unit not in ('load_id', 'everything') -%}
    {%- if not is_incremental() %} true
    {%- elif reachable_load_id() <= seen_load_id() %} false
    {%- elif unit == 'everything' %} true
    {%- else -%}
    {%- set unseen = "load_id > " ~ seen_load_id() -%}
    {%- if unit == 'load_id' %} {{ unseen }}
    {%- elif unit == 'event_key' %} event_key in (
        select judged.event_key from {{ events }} as judged where judged.{{ unseen }}
    )
    {%- else %} {{ unit }} in (
        {%- if unit == 'partition_key' %}
        select judged.partition_key from {{ events }} as judged where judged.{{ unseen }}
        {%- else %}
        select neighbours.visitor_key from {{ events }} as neighbours
        where neighbours.partition_key in (
            select judged.partition_key from {{ events }} as judged where judged.{{ unseen }}
        )
        {%- endif %}
    )
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{#- Strategy `recompute`: drop every touched unit, also those that have no rows any more, then put
    in what the model computed. Chosen for all incremental models in dbt_project.yml. -#}
{% macro get_incremental_recompute_sql(args) %}
    {%- set columns = args.dest_columns | map(attribute='quoted') | join(', ') %}
    delete from {{ args.target_relation }} where {{ is_touched(args.unique_key) }};
    insert into {{ args.target_relation }} ({{ columns }})
    select {{ columns }} from {{ args.temp_relation }};
{% endmacro %}
