{#- The funnels that seeds/funnel_definitions.csv defines, checked: what SQL has to know of them before
    it runs. A mistake stops the build with the row and the column. Example:
        {{ funnels().step_count }} -#}
{% macro funnels() %}
    {%- set found = {'step_count': 2, 'properties': [], 'breakdowns': [], 'has_strict': false} -%}
    {%- set seed = ref('funnel_definitions') -%}
    {%- set registry = ref('event_registry') -%}
    {%- set events_relation = ref('int_events') -%}
    {%- if not execute or load_relation(seed) is none or load_relation(registry) is none -%}
        {{ return(found) }}
    {%- endif -%}
    {#- A table does not keep the file's order: the row with the options comes first of step 1. -#}
    {%- set query -%}
        select
            definitions.*,
            (
                select count(*) from {{ registry }} as registry
                where
                    registry.event_name = definitions.event_name
                    and registry.source_app = coalesce(definitions.source_app, registry.source_app)
            ) as sender_count
        from {{ seed }} as definitions
        order by
            definitions.funnel_name, definitions.step_number,
            case when definitions.ordering is null then 1 else 0 end, definitions.event_name,
            definitions.source_app, definitions.property_name, definitions.property_value
    {%- endset -%}
    {%- set columns = [] -%}
    {%- if load_relation(events_relation) is not none -%}
        {%- do columns.extend(
            adapter.get_columns_in_relation(events_relation) | map(attribute='name')
        ) -%}
    {%- endif -%}
    {%- set seen = {} -%}
    {%- set events = {} -%}
    {%- set any_ordered = [] -%}
    {%- set keys = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- set where = "funnel_definitions.csv, " ~ row['funnel_name'] ~ " step " ~ row['step_number'] ~ ", " -%}
        {%- set steps = seen.setdefault(row['funnel_name'], {}) -%}
        {%- set number = row['step_number'] | int -%}
        {%- for column, value in row.dict().items() if value is string and value != value.strip() -%}
            {%- do exceptions.raise_compiler_error(
                where ~ column ~ ": there is a space before or after '" ~ value.strip() ~ "'"
            ) -%}
        {%- endfor -%}
        {%- set key = (
            row['funnel_name'], number, row['event_name'], row['source_app'], row['property_name'],
            row['property_value'],
        ) -%}
        {%- if key in keys -%}
            {%- do exceptions.raise_compiler_error(where ~ "event_name: there are two rows of " ~ row['event_name']) -%}
        {%- endif -%}
        {%- do keys.append(key) -%}
        {%- if number < 0 -%}
            {%- do exceptions.raise_compiler_error(where ~ "step_number: 0 or more") -%}
        {%- endif -%}
        {%- if row['sender_count'] == 0 -%}
            {%- do exceptions.raise_compiler_error(
                where ~ "event_name: event_registry.csv has no " ~ row['event_name']
                ~ (" of " ~ row['source_app'] if row['source_app'] else "")
            ) -%}
        {%- endif -%}
        {#- Two rows of a funnel that one event can match, unless a property tells them apart. -#}
        {%- set same_event = events.setdefault((row['funnel_name'], row['event_name']), []) -%}
        {%- for other in same_event
            if number != other['step_number']
            and (other['source_app'] is none or row['source_app'] in (none, other['source_app']))
            and not (
                row['property_name'] and row['property_name'] == other['property_name']
                and row['property_value'] != other['property_value']
            ) -%}
            {%- if other['step_number'] == 0 -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ "event_name: what takes a step cannot exclude (step 0) as well"
                ) -%}
            {%- elif row['funnel_name'] in any_ordered -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ "event_name: in any order an event takes one step, not step "
                    ~ other['step_number'] ~ " as well"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do same_event.append(row) -%}
        {%- for column in ('property_name', 'breakdown_name') if row[column] -%}
            {%- if not modules.re.match('^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$', row[column]) -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ column ~ ": letters, digits, _ and -, with dots between"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if row['breakdown_name'] in ('person_key', 'session_id') -%}
            {%- do exceptions.raise_compiler_error(
                where ~ "breakdown_name: who it was is in funnel_people, not " ~ row['breakdown_name']
            ) -%}
        {%- endif -%}
        {%- for column in ('property_name', 'breakdown_name') if row[column] and columns -%}
            {%- if row[column] not in columns and not row[column].startswith('properties.') -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ column ~ ": events have no column " ~ row[column]
                    ~ "; what lies in their properties is properties." ~ row[column]
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if number > 1 and (number - 1) not in steps -%}
            {%- do exceptions.raise_compiler_error(where ~ "step_number: there is no step " ~ (number - 1)) -%}
        {%- endif -%}
        {%- if number in steps and number > 0 and steps[number] != row['step_name'] -%}
            {%- do exceptions.raise_compiler_error(
                where ~ "step_name: two events of one step have one name, not " ~ row['step_name']
            ) -%}
        {%- endif -%}
        {%- if number == 1 and 1 not in steps -%}
            {%- if row['ordering'] not in ('ordered', 'strict', 'any_order') -%}
                {%- do exceptions.raise_compiler_error(where ~ "ordering: ordered, strict or any_order") -%}
            {%- endif -%}
            {%- if row['unit'] not in ('person', 'session') -%}
                {%- do exceptions.raise_compiler_error(where ~ "unit: person or session") -%}
            {%- endif -%}
            {%- if not modules.re.match('^[0-9]{1,7}$', row['window_minutes'] or '')
                or not 0 < row['window_minutes'] | int <= 5256000 -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ "window_minutes: a whole number above 0, and of at most 5256000 (ten years)"
                ) -%}
            {%- endif -%}
            {%- if row['ordering'] == 'any_order' -%}{%- do any_ordered.append(row['funnel_name']) -%}{%- endif -%}
            {%- if row['ordering'] == 'strict' -%}{%- do found.update({'has_strict': true}) -%}{%- endif -%}
            {%- if row['breakdown_name'] -%}{%- do found.breakdowns.append(row['breakdown_name']) -%}{%- endif -%}
        {%- elif row['window_minutes'] or row['ordering'] or row['unit'] or row['breakdown_name'] -%}
            {%- do exceptions.raise_compiler_error(
                where ~ "window_minutes to breakdown_name: these belong to one row of step 1"
            ) -%}
        {%- endif -%}
        {%- if (row['property_name'] is none) != (row['property_value'] is none) -%}
            {%- do exceptions.raise_compiler_error(where ~ "property_name and property_value: both or none") -%}
        {%- endif -%}
        {%- if row['property_name'] -%}{%- do found.properties.append(row['property_name']) -%}{%- endif -%}
        {%- do steps.update({number: row['step_name']}) -%}
        {%- if number > found.step_count -%}{%- do found.update({'step_count': number}) -%}{%- endif -%}
    {%- endfor -%}
    {%- for name, steps in seen.items() if 1 not in steps -%}
        {%- do exceptions.raise_compiler_error("funnel_definitions.csv, " ~ name ~ ": there is no step 1") -%}
    {%- endfor -%}
    {%- do found.update({
        'properties': found.properties | unique | sort | list,
        'breakdowns': found.breakdowns | unique | sort | list,
    }) -%}
    {{ return(found) }}
{% endmacro %}

{#- A property of an event as text: a column of int_events, or a path below properties. Example:
        {{ event_property('device_type') }}
        {{ event_property('properties.metadata.source') }} -#}
{% macro event_property(name) -%}
    {%- if name.startswith('properties.') -%} {{ json_text('properties', name[11:]) }}
    {%- else -%} cast({{ name }} as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}
