{{ config(materialized='incremental', unique_key='everything') }}

with attempts as (
    select * from {{ ref('question_attempts') }}
)

select
    attempt_date,
    source_app,
    count(distinct person_key) as learner_count,
    count(*) as attempt_count,
    count(
        case when claimed_is_first_attempt <> is_first_attempt then 1 end
    ) as first_attempt_differs_count,
    count(case when claimed_attempt_number <> attempt_number then 1 end)
        as attempt_number_differs_count,
    count(case when claimed_hint_used and not hint_used then 1 end) as hint_not_found_count,
    count(case when not claimed_hint_used and hint_used then 1 end) as hint_not_claimed_count,
    count(case when is_answer_contradicted then 1 end) as answer_contradicted_count
from attempts
where {{ is_touched('everything') }}
group by attempt_date, source_app
