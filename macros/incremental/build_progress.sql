{#- The table build_progress: how far each incremental model has come, and by which definitions.
    A model's row is written in the transaction of its rows, so it is never ahead of them; and it is
    never further than the least of the model's parents, so what was built beside a stale parent is
    built again. Definitions are the model's own code and that of the views below it, the seeds that
    they read, the vars, and the parents' definitions: when any of them is another, the rows that
    are there mean something else, and the model is computed anew as a whole. Macros are not counted:
    who changes one runs `dbt build --full-refresh`. -#}
{% macro build_progress() %}{{ target.schema }}.build_progress{% endmacro %}

{#- Before a run. Committed here: dbt rolls back what a hook leaves open. -#}
{% macro create_build_progress() %}
    {%- if execute -%}
    {%- set query -%}
        create schema if not exists {{ target.schema }};
        create table if not exists {{ build_progress() }} (
            model_name varchar,
            through_load_id bigint,
            definitions varchar
        )
    {%- endset -%}
    {%- do run_query(query) -%}
    {%- do adapter.commit() -%}
    {%- endif -%}
{% endmacro %}

{#- After a model, in its transaction. -#}
{% macro record_progress() %}
    {%- if execute and model.config.materialized == 'incremental' %}
    {%- set parents = ancestry(model).incremental %}
    delete from {{ build_progress() }} where model_name = '{{ this.name }}';
    insert into {{ build_progress() }}
    select
        '{{ this.name }}' as model_name,
        {%- if flags.EMPTY %}
        0 as through_load_id,
        {%- elif parents %}
        (
            select min(through_load_id) from {{ build_progress() }}
            where model_name in ('{{ parents | join("', '") }}')
        ) as through_load_id,
        {%- else %}
        (select coalesce(max(load_id), 0) from {{ builtins.source('door', 'load_ledger') }})
            as through_load_id,
        {%- endif %}
        '{{ definitions_of_model() }}' as definitions
    {%- endif %}
{% endmacro %}

{#- Three macros for a model to ask; separate ones, so that a unit test can override each. -#}
{% macro seen_load_id() %}
    {{ return(recorded_progress(this.name).load_id if execute and is_incremental() else 0) }}
{% endmacro %}

{% macro is_redefined() %}
    {%- if not execute or not is_incremental() -%}{{ return(false) }}{%- endif -%}
    {%- set is_changed = recorded_progress(this.name).definitions != definitions_of_model() -%}
    {%- if is_changed -%}
        {%- do log(this.name ~ ": what it is made of has changed; computing it anew", info=true) -%}
    {%- endif -%}
    {{ return(is_changed) }}
{% endmacro %}

{% macro definitions_of_model() %}
    {%- set around = ancestry(model) -%}
    {%- set parts = [model.checksum.checksum] + around.checksums -%}
    {%- for name in around.incremental | sort -%}
        {%- do parts.append(name ~ ":" ~ recorded_progress(name).definitions) -%}
    {%- endfor -%}
    {%- for name in around.seeds | sort -%}
        {%- do parts.append(name ~ ":" ~ table_fingerprint(name)) -%}
    {%- endfor -%}
    {%- for name in [
        'session_timeout_minutes', 'identity_lookback_days', 'max_users_per_device',
        'reporting_timezone',
    ] -%}
        {%- do parts.append(name ~ "=" ~ var(name)) -%}
    {%- endfor -%}
    {{ return(local_md5(parts | join("|"))) }}
{% endmacro %}

{% macro recorded_progress(model_name) %}
    {%- set found = run_query(
        "select through_load_id, definitions from " ~ build_progress()
        ~ " where model_name = '" ~ model_name ~ "'"
    ).rows -%}
    {{ return({
        'load_id': found[0][0] if found else 0,
        'definitions': found[0][1] if found else none,
    }) }}
{% endmacro %}

{#- What a model is made of: the incremental models and the seeds that it reads, directly or through
    views, and the checksums of these views. -#}
{% macro ancestry(node) %}
    {%- set found = {'incremental': [], 'seeds': [], 'checksums': []} -%}
    {%- for id in node.depends_on.nodes if id in graph.nodes -%}
        {%- set parent = graph.nodes[id] -%}
        {%- if parent.resource_type == 'seed' -%}
            {%- do found.seeds.append(parent.name) -%}
        {%- elif parent.config.materialized == 'incremental' -%}
            {%- do found.incremental.append(parent.name) -%}
        {%- else -%}
            {%- set beyond = ancestry(parent) -%}
            {%- do found.checksums.append(parent.checksum.checksum) -%}
            {%- for kind in found -%}
                {%- do found[kind].extend(beyond[kind]) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'incremental': found.incremental | unique | list,
        'seeds': found.seeds | unique | list,
        'checksums': found.checksums | unique | sort | list,
    }) }}
{% endmacro %}
