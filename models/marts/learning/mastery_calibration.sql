{{ config(materialized='incremental', unique_key='everything') }}

with predictions as (
    select
        *,
        {{ dbt.date_trunc('week', local_time('attempted_at')) }} as attempt_week,
        cast(least(floor(predicted_rate * 10), 9) as integer) + 1 as tenth,
        case when is_success then predicted_rate else 1 - predicted_rate end as given_rate
    from {{ ref('int_attempt_predictions') }}
),

kinds as (
    select
        *,
        'all' as attempt_kind
    from predictions
    union all
    select
        *,
        'first' as attempt_kind
    from predictions
    where is_first_attempt
),

weeks as (
    select
        cast(attempt_week as date) as week_start,
        attempt_kind,
        tenth,
        count(distinct person_key) as learner_count,
        count(*) as attempt_count,
        count(case when is_success then 1 end) as success_count,
        sum({{ units('predicted_rate') }}) as predicted_units,
        sum({{ units('-ln(given_rate)') }}) as log_loss_units
    from kinds
    group by cast(attempt_week as date), attempt_kind, tenth
),

-- Who answered in two weeks is one of the learners of all.
learners as (
    select
        attempt_kind,
        tenth,
        count(distinct person_key) as learner_count
    from kinds
    group by attempt_kind, tenth
),

sums as (
    select
        attempt_kind,
        tenth,
        sum(attempt_count) as attempt_count,
        sum(success_count) as success_count,
        sum(predicted_units) as predicted_units,
        sum(log_loss_units) as log_loss_units
    from weeks
    group by attempt_kind, tenth
),

gathered as (
    select * from weeks
    union all
    select
        cast(null as date) as week_start,
        sums.attempt_kind,
        sums.tenth,
        learners.learner_count,
        sums.attempt_count,
        sums.success_count,
        sums.predicted_units,
        sums.log_loss_units
    from sums
    inner join learners
        on sums.attempt_kind = learners.attempt_kind and sums.tenth = learners.tenth
)

select
    week_start,
    attempt_kind,
    tenth,
    learner_count,
    cast(attempt_count as bigint) as attempt_count,
    {{ from_units('predicted_units') }} / attempt_count as predicted_rate,
    success_count / cast(attempt_count as double) as actual_rate,
    success_count / cast(attempt_count as double)
    - {{ from_units('predicted_units') }} / attempt_count as difference,
    {{ from_units('log_loss_units') }} / attempt_count as log_loss
from gathered
where {{ is_touched('everything') }}
