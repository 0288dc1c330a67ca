{{ config(materialized='incremental', unique_key='everything') }}

with predictions as (
    select * from {{ ref('int_attempt_predictions') }}
    where is_profiled
),

moments as (
    select * from {{ ref('int_mastery_moments') }}
),

latest as (
    select
        moments.moment,
        predictions.person_key,
        max(predictions.learner_attempt_number) as learner_attempt_number
    from predictions
    inner join moments on predictions.attempted_at <= moments.moment_at
    group by moments.moment, predictions.person_key
)

select
    latest.moment,
    latest.person_key,
    latest.learner_attempt_number as attempt_count,
    predictions.learner_skill_after as learner_skill,
    predictions.learner_recent_skill_after as learner_recent_skill
from latest
inner join predictions
    on
        latest.person_key = predictions.person_key
        and latest.learner_attempt_number = predictions.learner_attempt_number
where {{ is_touched('everything') }}
