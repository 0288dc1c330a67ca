{#- A field of a JSON column as text, by its path; null where it is missing. For one field only:
    unpack_json reads several at once. Example:
        {{ json_text('properties', 'metadata.source') }} -#}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text')(column, path)) }}
{%- endmacro %}

{% macro duckdb__json_text(column, path) -%}
    json_extract_string({{ column }}, '$.{{ path }}')
{%- endmacro %}

{% macro spark__json_text(column, path) -%}
    get_json_object({{ column }}, '$.{{ path }}')
{%- endmacro %}

{#- How many things the list at a path of a JSON column holds; null where there is no list. Example:
        {{ json_list_length('properties', 'options') }} -#}
{% macro json_list_length(column, path) -%}
    {{ return(adapter.dispatch('json_list_length')(column, path)) }}
{%- endmacro %}

{% macro duckdb__json_list_length(column, path) -%}
    case
        when json_type({{ column }}, '$.{{ path }}') = 'ARRAY'
            then cast(json_array_length({{ column }}, '$.{{ path }}') as bigint)
    end
{%- endmacro %}

{% macro spark__json_list_length(column, path) -%}
    cast(json_array_length(get_json_object({{ column }}, '$.{{ path }}')) as bigint)
{%- endmacro %}
