{#- The table build_progress: how far each incremental model has come, and by which definitions.
    A model's row is written in the transaction of its rows, so it is never ahead of them; and it is
    never further than the least of the model's parents, so what was built beside a stale parent is
    built again. Definitions are the model's own code, the vars that it names, the seeds that it reads
    and what its parents' rows say were theirs (a view has one too: until it is built again, it is
    the old one): when any of them is another, the rows that are there mean something else, and the
    model is refreshed in full. Macros are not counted: who changes one runs
    `dbt build --full-refresh`. -#}
{% macro build_progress() %}{{ target.schema }}.build_progress{% endmacro %}

{#- Before a run. Committed here: dbt rolls back what a hook leaves open. -#}
{% macro create_build_progress() %}
    {%- if execute and target.name != 'ro' -%}
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
    {%- do recorded_progress() -%}
    {%- endif -%}
{% endmacro %}

{#- After a model, in its transaction. -#}
{% macro record_progress() %}
    {%- if execute %}
    {%- set is_stored = model.config.materialized == 'incremental' -%}
    {%- set progress = recorded_progress() -%}
    {%- set row = {
        'load_id': reachable_load_id() if is_stored and not flags.EMPTY else 0,
        'definitions': definitions_of_model(progress),
    } -%}
    {%- if is_stored and is_redefined(progress) and not flags.FULL_REFRESH -%}
        {%- do log(this.name ~ ": what it is made of has changed; computed anew", info=true) -%}
    {%- endif %}
    {%- if progress.get(this.name) != row %}
    {%- do progress.update({this.name: row}) %}
    delete from {{ build_progress() }} where model_name = '{{ this.name }}';
    insert into {{ build_progress() }}
    select
        '{{ this.name }}' as model_name,
        {{ row.load_id }} as through_load_id,
        '{{ row.definitions }}' as definitions
    {%- endif %}
    {%- endif %}
{% endmacro %}

{#- dbt asks this of every model: a model of other definitions is refreshed in full, also when its
    columns are others. -#}
{% macro should_full_refresh() %}
    {%- set asked = config.get('full_refresh') -%}
    {%- if asked is none -%}{%- set asked = flags.FULL_REFRESH -%}{%- endif -%}
    {{ return(
        asked or (
            execute
            and model.config.materialized == 'incremental'
            and load_relation(this) is not none
            and is_redefined(recorded_progress())
        )
    ) }}
{% endmacro %}

{% macro is_redefined(progress) %}
    {{ return(
        this.name in progress
        and progress[this.name].definitions != definitions_of_model(progress)
    ) }}
{% endmacro %}

{#- model → its row, of all that have one. Asked for once a run, before its first model: afterwards only
    record_progress() changes it. The graph is the one thing that all models of a run share. -#}
{% macro recorded_progress() %}
    {%- if graph.get('build_progress', {}).invocation_id != invocation_id -%}
        {%- set progress = {} -%}
        {%- for row in run_query(
            "select model_name, through_load_id, definitions from " ~ build_progress()
        ).rows -%}
            {%- do progress.update({row[0]: {'load_id': row[1], 'definitions': row[2]}}) -%}
        {%- endfor -%}
        {%- do graph.update({
            'build_progress': {'invocation_id': invocation_id, 'progress': progress}
        }) -%}
    {%- endif -%}
    {{ return(graph.build_progress.progress) }}
{% endmacro %}

{#- The loads that the rows of this model have seen; and those that it could have seen by now: all
    that its parents have, or all there are. -#}
{% macro seen_load_id() %}
    {{ return(recorded_progress().get(this.name, {'load_id': 0}).load_id) }}
{% endmacro %}

{% macro reachable_load_id() %}
    {%- if not execute -%}{{ return(0) }}{%- endif -%}
    {%- set parents = stored_ancestors(model) -%}
    {%- if parents -%}
        {%- set progress = recorded_progress() -%}
        {%- set reached = [] -%}
        {%- for name in parents -%}
            {%- do reached.append(progress.get(name, {'load_id': 0}).load_id) -%}
        {%- endfor -%}
        {{ return(reached | min) }}
    {%- endif -%}
    {{ return(run_query(
        "select coalesce(max(load_id), 0) from " ~ builtins.source('door', 'load_ledger')
    ).rows[0][0]) }}
{% endmacro %}

{#- A var counts where its name stands in the code; the timezone everywhere, macros hide it. -#}
{% macro definitions_of_model(progress) %}
    {%- set parts = [model.raw_code] -%}
    {%- for id in model.depends_on.nodes | unique | sort if id in graph.nodes -%}
        {%- set parent = graph.nodes[id] -%}
        {%- if parent.resource_type == 'seed' and parent.name not in progress -%}
            {%- do progress.update({parent.name: {'definitions': table_fingerprint(parent.name)}}) -%}
        {%- endif -%}
        {%- do parts.append(
            parent.name ~ ":" ~ progress.get(parent.name, {'definitions': none}).definitions
        ) -%}
    {%- endfor -%}
    {%- for name in [
        'session_timeout_minutes', 'identity_lookback_days', 'max_users_per_device',
        'reporting_timezone', 'as_of_date',
    ] if name in model.raw_code or name == 'reporting_timezone' -%}
        {%- do parts.append(name ~ "=" ~ var(name)) -%}
    {%- endfor -%}
    {{ return(local_md5(parts | join("|"))) }}
{% endmacro %}

{#- The incremental models that a model reads, directly or through views. -#}
{% macro stored_ancestors(node) %}
    {%- set found = [] -%}
    {%- for id in node.depends_on.nodes if id.startswith('model.') -%}
        {%- set parent = graph.nodes[id] -%}
        {%- if parent.config.materialized == 'incremental' -%}
            {%- do found.append(parent.name) -%}
        {%- else -%}
            {%- do found.extend(stored_ancestors(parent)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | unique | list) }}
{% endmacro %}
