{{ config(materialized='incremental', unique_key='everything') }}

with attempts as (
    select
        question_id,
        attempt_date,
        is_first_attempt,
        is_correct,
        hint_used,
        cast(round(time_to_answer_seconds * 1000) as bigint) as answer_ms
    from {{ ref('question_attempts') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

days as (
    select
        question_id,
        attempt_date,
        count(case when is_first_attempt then 1 end) as first_count,
        count(case when is_first_attempt and is_correct and not hint_used then 1 end)
            as first_correct_count
    from attempts
    group by question_id, attempt_date
),

summed as (
    select
        *,
        cast(sum(first_count) over earlier as bigint) as earlier_count,
        cast(sum(first_correct_count) over earlier as bigint) as earlier_correct_count
    from days
    window earlier as (
        partition by question_id order by attempt_date
        rows between unbounded preceding and 1 preceding
    )
),

-- Every row of a day has the same median, that of all earlier days.
timed as (
    select
        question_id,
        attempt_date,
        {{ quantile('case when is_correct then answer_ms end', 0.5) }} over earlier as median_ms,
        count(case when is_correct then answer_ms end) over earlier as timed_count
    from attempts
    window earlier as (
        partition by question_id
        order by {{ dbt.datediff("cast('1970-01-01' as date)", 'attempt_date', 'day') }}
        range between unbounded preceding and 1 preceding
    )
),

typical as (
    select
        question_id,
        attempt_date,
        max(median_ms) as median_ms,
        max(timed_count) as timed_count
    from timed
    group by question_id, attempt_date
)

select
    summed.question_id,
    summed.attempt_date,
    summed.first_count,
    summed.first_correct_count,
    coalesce(summed.earlier_count, 0) as earlier_count,
    coalesce(summed.earlier_correct_count, 0) as earlier_correct_count,
    typical.median_ms,
    case
        when typical.timed_count >= coefficients.rapid_least_answers
            then
                least(
                    typical.median_ms * coefficients.rapid_share / 1000,
                    coefficients.rapid_most_seconds
                )
    end as rapid_below_seconds
from summed
inner join typical
    on
        summed.question_id = typical.question_id
        and summed.attempt_date = typical.attempt_date
cross join coefficients
where {{ is_touched('everything') }}
