{{ config(materialized='incremental', unique_key='everything') }}

with attempts as (
    select * from {{ ref('question_attempts') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

-- Answers of no topic are one of their own here, so that they are predicted as well.
days as (
    select
        coalesce(topic_id, '') as topic_key,
        attempt_date,
        count(case when is_first_attempt then 1 end) as first_count,
        count(case when is_first_attempt and is_correct and not hint_used then 1 end)
            as first_correct_count
    from attempts
    group by coalesce(topic_id, ''), attempt_date
),

all_topics as (
    select
        attempt_date,
        sum(first_count) as first_count,
        sum(first_correct_count) as first_correct_count
    from days
    group by attempt_date
),

all_summed as (
    select
        attempt_date,
        coalesce(sum(first_count) over earlier, 0) as earlier_count,
        coalesce(sum(first_correct_count) over earlier, 0) as earlier_correct_count
    from all_topics
    window earlier as (order by attempt_date rows between unbounded preceding and 1 preceding)
),

summed as (
    select
        *,
        coalesce(sum(first_count) over earlier, 0) as earlier_count,
        coalesce(sum(first_correct_count) over earlier, 0) as earlier_correct_count
    from days
    window earlier as (
        partition by topic_key order by attempt_date
        rows between unbounded preceding and 1 preceding
    )
)

select
    summed.topic_key,
    summed.attempt_date,
    summed.first_count,
    summed.first_correct_count,
    {{ smoothed_rate(
        'summed.earlier_correct_count', 'summed.earlier_count', 'coefficients.topic_prior_answers',
        smoothed_rate(
            'all_summed.earlier_correct_count', 'all_summed.earlier_count',
            'coefficients.success_prior_answers', 'coefficients.success_prior'
        )
    ) }} as success_rate
from summed
inner join all_summed on summed.attempt_date = all_summed.attempt_date
cross join coefficients
where {{ is_touched('everything') }}
