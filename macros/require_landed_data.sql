{#- Stops a build that has nothing to read with a sentence that says what to do, in place of a
    catalog error in some staging view. Example, in dbt_project.yml:
        on-run-start: "{{ require_landed_data() }}" -#}
{% macro require_landed_data() %}
    {%- if execute and flags.WHICH != 'seed' and target.name != 'ro'
        and adapter.get_relation(target.database, 'raw', 'load_ledger') is none -%}
        {%- do exceptions.raise_compiler_error("Nothing has landed yet. run: sightline land") -%}
    {%- endif -%}
{% endmacro %}
