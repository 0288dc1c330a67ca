{#- The table build_log: which commands have changed the tables, and whether all tests passed on what
    they left. A command that was killed has begun and not ended. `sightline publish` reads it: it
    publishes what the last command that changed anything left only if every test of the project has
    passed since; and if all models were built, at once, since the project's files have changed. -#}
{% macro build_log() %}{{ target.schema }}.build_log{% endmacro %}

{#- What neither writes a table nor tests one. `ro` is the published file, where nobody writes. -#}
{% macro is_logged() %}
    {{ return(
        execute and target.name != 'ro'
        and flags.WHICH not in ('compile', 'generate', 'show', 'parse', 'list')
    ) }}
{% endmacro %}

{#- Before a run. Committed here: dbt rolls back what a hook leaves open. -#}
{% macro begin_build_log() %}
    {%- if is_logged() -%}
    {%- set query -%}
        create schema if not exists {{ target.schema }};
        create table if not exists {{ build_log() }} (
            build_number bigint,
            invocation_id varchar,
            command varchar,
            is_changing boolean,
            has_ended boolean,
            test_count bigint,
            passed_count bigint,
            problem_count bigint
        );
        alter table {{ build_log() }} add column if not exists began_at timestamp;
        alter table {{ build_log() }} add column if not exists is_of_all_models boolean;
        insert into {{ build_log() }}
        select
            coalesce(max(build_number), 0) + 1,
            '{{ invocation_id }}',
            '{{ flags.WHICH }}',
            {{ flags.WHICH != 'test' }},
            false,
            null,
            null,
            null,
            '{{ run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f') }}',
            false
        from {{ build_log() }}
    {%- endset -%}
    {%- do run_query(query) -%}
    {%- do adapter.commit() -%}
    {%- endif -%}
{% endmacro %}

{#- After a run, also one in which something failed. -#}
{% macro end_build_log(results) %}
    {%- if is_logged() -%}
    {%- set tests = graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') | list -%}
    {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list -%}
    {%- set count = namespace(passed=0, problems=0, models=0) -%}
    {%- for result in results -%}
        {%- set status = result.status | string -%}
        {%- if status not in ('success', 'pass', 'warn', 'no-op', 'skipped') -%}
            {%- set count.problems = count.problems + 1 -%}
        {%- elif result.node.resource_type == 'test' and status != 'skipped' -%}
            {%- set count.passed = count.passed + 1 -%}
        {%- elif result.node.resource_type == 'model' and status != 'skipped' -%}
            {%- set count.models = count.models + 1 -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set query -%}
        update {{ build_log() }}
        set
            has_ended = true,
            test_count = {{ tests | length }},
            passed_count = {{ count.passed }},
            problem_count = {{ count.problems }},
            is_of_all_models = {{ count.models == models | length }}
        where invocation_id = '{{ invocation_id }}'
    {%- endset -%}
    {%- do run_query(query) -%}
    {%- do adapter.commit() -%}
    {%- endif -%}
{% endmacro %}
