{#- An aggregate: the value of the first row, or of the last, in an order of several columns that no
    two rows share; rows without a value do not count. Example:
        {{ first_by('viewed', ['occurred_at', 'event_key']) }} as entry_point -#}
{% macro first_by(value, order) -%}
    {{ return(adapter.dispatch('first_by')(value, order)) }}
{%- endmacro %}

{% macro duckdb__first_by(value, order) -%}
    arg_min({{ value }}, row({{ order | join(', ') }}))
{%- endmacro %}

{% macro spark__first_by(value, order) -%}
    min_by({{ value }}, struct({{ order | join(', ') }})) filter (where {{ value }} is not null)
{%- endmacro %}

{% macro last_by(value, order) -%}
    {{ return(adapter.dispatch('last_by')(value, order)) }}
{%- endmacro %}

{% macro duckdb__last_by(value, order) -%}
    arg_max({{ value }}, row({{ order | join(', ') }}))
{%- endmacro %}

{% macro spark__last_by(value, order) -%}
    max_by({{ value }}, struct({{ order | join(', ') }})) filter (where {{ value }} is not null)
{%- endmacro %}
