{#- The day, in the reporting timezone, of a UTC timestamp. Example:
        {{ local_date('occurred_at') }} as stat_date -#}
{% macro local_date(timestamp) -%}
    cast({{ local_time(timestamp) }} as date)
{%- endmacro %}

{#- The UTC timestamp at which a day of the reporting timezone begins. Example:
        {{ utc_midnight('stat_date') }} -#}
{% macro utc_midnight(date) -%}
    {%- if var('reporting_timezone') == 'UTC' -%} cast({{ date }} as timestamp)
    {%- else -%} {{ return(adapter.dispatch('utc_midnight')(date)) }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__utc_midnight(date) -%}
    timezone('UTC', timezone('{{ var('reporting_timezone') }}', cast({{ date }} as timestamp)))
{%- endmacro %}

{% macro spark__utc_midnight(date) -%}
    to_utc_timestamp(cast({{ date }} as timestamp), '{{ var('reporting_timezone') }}')
{%- endmacro %}

{#- The hour, 0 to 23, that a clock of the reporting timezone shows at a UTC timestamp. Example:
        {{ local_hour('occurred_at') }} as hour -#}
{% macro local_hour(timestamp) -%}
    extract(hour from {{ local_time(timestamp) }})
{%- endmacro %}

{#- The day of the week there, 1 for Monday to 7 for Sunday. Example:
        {{ local_weekday('occurred_at') }} as weekday -#}
{% macro local_weekday(timestamp) -%}
    {{ return(adapter.dispatch('local_weekday')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__local_weekday(timestamp) -%}
    isodow({{ local_time(timestamp) }})
{%- endmacro %}

{% macro spark__local_weekday(timestamp) -%}
    (weekday({{ local_time(timestamp) }}) + 1)
{%- endmacro %}

{#- All that the clock shows, as a timestamp without a zone. Example:
        {{ local_time('occurred_at') }} -#}
{% macro local_time(timestamp) -%}
    {%- if var('reporting_timezone') == 'UTC' -%} {{ timestamp }}
    {%- else -%} {{ zone_time(timestamp, "'" ~ var('reporting_timezone') ~ "'") }}
    {%- endif -%}
{%- endmacro %}

{#- The same in another zone, by an expression that names it; a name that is_zone does not know is an
    error. Example:
        {{ zone_time('occurred_at', 'timezone') }} -#}
{% macro zone_time(timestamp, zone) -%}
    {{ return(adapter.dispatch('zone_time')(timestamp, zone)) }}
{%- endmacro %}

{% macro duckdb__zone_time(timestamp, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{% macro spark__zone_time(timestamp, zone) -%}
    from_utc_timestamp({{ timestamp }}, {{ zone }})
{%- endmacro %}

{#- Whether the engine knows a zone of this name. Example:
        {{ is_zone('timezone') }} -#}
{% macro is_zone(name) -%}
    {{ return(adapter.dispatch('is_zone')(name)) }}
{%- endmacro %}

{% macro duckdb__is_zone(name) -%}
    {{ name }} in (select zones.name from pg_timezone_names() as zones)
{%- endmacro %}

{% macro spark__is_zone(name) -%}
    {{ name }} in ('{{ modules.pytz.all_timezones | join("', '") }}')
{%- endmacro %}
