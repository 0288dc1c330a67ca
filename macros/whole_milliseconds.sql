{#- A time as a whole number of milliseconds. The registry looks at the fields that an event type has;
    any other can hold anything, and what is less than nothing or more than its 10,000,000 seconds is
    nobody's time. DuckDB may cast also what the condition leaves out, so that is bounded. Example:
        {{ whole_milliseconds('total_time_seconds * 1000') }} as claimed_reading_ms -#}
{% macro whole_milliseconds(milliseconds) -%}
    case
        when {{ milliseconds }} between 0 and 10000000000
            then cast(round(least(greatest({{ milliseconds }}, 0), 10000000000)) as bigint)
    end
{%- endmacro %}
