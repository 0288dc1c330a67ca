{#- Stops a build whose vars cannot mean anything with a sentence; some model would stop with a riddle,
    or take nonsense for 0. Example, in dbt_project.yml:
        on-run-start: "{{ require_sensible_vars() }}" -#}
{% macro require_sensible_vars() %}
    {%- set ns = namespace(problem=none) -%}
    {%- for name in ('session_timeout_minutes', 'identity_lookback_days', 'max_users_per_device') -%}
        {%- if var(name) is not integer or var(name) < 1 -%}
            {%- set ns.problem = name ~ " must be a whole number of at least 1" -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if var('reporting_timezone') not in modules.pytz.all_timezones_set -%}
        {%- set ns.problem = "reporting_timezone must be a name of the IANA database, like Europe/Berlin" -%}
    {%- endif -%}
    {%- if var('as_of_date') and not modules.re.match('^\\d{4}-\\d{2}-\\d{2}$', var('as_of_date') | string) -%}
        {%- set ns.problem = "as_of_date must be a day, like 2026-03-31, or null" -%}
    {%- endif -%}
    {%- if ns.problem -%}
        {%- do exceptions.raise_compiler_error(ns.problem ~ " (a var in dbt_project.yml, or --vars)") -%}
    {%- endif -%}
{% endmacro %}
