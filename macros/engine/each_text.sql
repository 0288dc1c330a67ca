{#- In a select list: a row for each text of a JSON list, none where the column is no list. Example:
        select topic_id, {{ each_text('prerequisites') }} as prerequisite_id from topics -#}
{% macro each_text(column) -%}
    {{ return(adapter.dispatch('each_text')(column)) }}
{%- endmacro %}

{% macro duckdb__each_text(column) -%}
    unnest(from_json({{ column }}, '["VARCHAR"]'))
{%- endmacro %}

{% macro spark__each_text(column) -%}
    explode(from_json({{ column }}, 'array<string>'))
{%- endmacro %}
