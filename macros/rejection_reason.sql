{#- Why an event cannot be accepted, in words, or null: the event registry as one expression. A field
    lies in `sent` at its registry path below `inside`, unless `lifted` names the column that holds it.
    Example:
        {{ rejection_reason('studyin', inside='properties', lifted={'quiz_id': 'quiz_id'}) }} -#}
{% macro rejection_reason(source_app, inside=none, lifted={}) -%}
    {%- set ns = namespace(known=[], fields={}) -%}
    {%- for row in registered_events(source_app) -%}
        {%- set type = "'" ~ (row['event_type'] | lower | replace("'", "''")) ~ "'" -%}
        {%- do ns.known.append(type) -%}
        {%- for kind in ('required', 'optional') -%}
            {%- for field in (row[kind ~ '_fields'] or '').split() -%}
                {%- set parts = field.split(':') -%}
                {%- if parts | length not in (2, 3) -%}
                    {%- do exceptions.raise_compiler_error(
                        "event_registry.csv, " ~ source_app ~ " " ~ row['event_type'] ~ ": '" ~ field
                        ~ "' is not of the shape path:type or path:type:least..most"
                    ) -%}
                {%- endif -%}
                {%- if kind == 'required' -%}
                    {%- do ns.fields.setdefault(('missing_field', parts[0], '', ''), []).append(type) -%}
                {%- endif -%}
                {%- if parts[1] not in ('string', 'json') -%}
                    {%- do ns.fields.setdefault(
                        ('bad_value', parts[0], parts[1], parts[2] if parts | length == 3 else ''), []
                    ).append(type) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    case
        {%- if ns.known %}
        when lower(event_type) not in ({{ ns.known | join(', ') }}) then 'unknown_event_type'
        {%- else %}
        when true then 'unknown_event_type'
        {%- endif %}
        when coalesce(user_key, anonymous_key, client_session_id) is null then 'missing_field:actor'
        {%- for problem in ('missing_field', 'bad_value') %}
        {%- for key, types in ns.fields.items() if key[0] == problem %}
        {%- set path = key[1] -%}
        {%- set value = lifted.get(path) or 'sent.' ~ (inside ~ '.' if inside else '') ~ path %}
        when lower(event_type) in ({{ types | join(', ') }})
            {%- if problem == 'missing_field' %} and {{ value }} is null
            {%- else %} and {{ value }} is not null and not ({{ fits_type(value, key[2], key[3]) }})
            {%- endif %}
            then '{{ problem }}:{{ path }}'
        {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}

{#- The registry's rows of an app, as they are in the database; none while dbt only parses. Example:
        registered_events('academy') -#}
{% macro registered_events(source_app) %}
    {%- set registry = ref('event_registry') -%}
    {%- if not execute or load_relation(registry) is none -%}{{ return([]) }}{%- endif -%}
    {%- set query -%}
        select event_type, required_fields, optional_fields from {{ registry }}
        where source_app = '{{ source_app }}'
        order by event_type
    {%- endset -%}
    {%- set rows = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do rows.append({
            'event_type': row[0], 'required_fields': row[1], 'optional_fields': row[2],
        }) -%}
    {%- endfor -%}
    {{ return(rows) }}
{% endmacro %}
