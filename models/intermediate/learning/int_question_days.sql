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
            as first_correct_count,
        count(case when is_correct then answer_ms end) as timed_count
    from attempts
    group by question_id, attempt_date
),

summed as (
    select
        *,
        coalesce(sum(first_count) over earlier, 0) as earlier_count,
        coalesce(sum(first_correct_count) over earlier, 0) as earlier_correct_count,
        coalesce(sum(timed_count) over earlier, 0) as earlier_timed_count
    from days
    window earlier as (
        partition by question_id order by attempt_date
        rows between unbounded preceding and 1 preceding
    )
),

-- How often the number of known times has doubled since there were enough.
doubled as (
    select
        summed.*,
        case
            when summed.earlier_timed_count >= coefficients.rapid_least_answers
                then floor(log2(summed.earlier_timed_count / coefficients.rapid_least_answers))
        end as doublings
    from summed
    cross join coefficients
),

renewals as (
    select
        question_id,
        doublings,
        min(attempt_date) as renewed_on
    from doubled
    where doublings is not null
    group by question_id, doublings
),

-- A median anew every day would be a sort of all history for each.
medians as (
    select
        renewals.question_id,
        renewals.doublings,
        {{ quantile('attempts.answer_ms', 0.5) }} as median_ms
    from renewals
    inner join attempts
        on
            renewals.question_id = attempts.question_id
            and renewals.renewed_on > attempts.attempt_date
    where attempts.is_correct and attempts.answer_ms is not null
    group by renewals.question_id, renewals.doublings
)

select
    doubled.question_id,
    doubled.attempt_date,
    doubled.first_count,
    doubled.first_correct_count,
    cast(doubled.earlier_count as bigint) as earlier_count,
    cast(doubled.earlier_correct_count as bigint) as earlier_correct_count,
    medians.median_ms,
    -- Of a null and a number, the number is the least.
    case
        when medians.median_ms is not null
            then
                least(
                    medians.median_ms * coefficients.rapid_share / 1000,
                    coefficients.rapid_most_seconds
                )
    end as rapid_below_seconds
from doubled
left join medians
    on doubled.question_id = medians.question_id and doubled.doublings = medians.doublings
cross join coefficients
where {{ is_touched('everything') }}
