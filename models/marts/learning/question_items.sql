{{ config(materialized='incremental', unique_key='everything') }}

with attempts as (
    select * from {{ ref('question_attempts') }}
),

predictions as (
    select * from {{ ref('int_attempt_predictions') }}
),

questions as (
    select * from {{ ref('stg_studyin__questions') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

known as (
    select
        attempts.question_id,
        attempts.topic_id,
        attempts.person_key,
        attempts.hint_used,
        attempts.is_first_attempt,
        attempts.time_to_answer_seconds,
        predictions.is_rapid_guess,
        case when predictions.is_success then 1 else 0 end as success,
        case when attempts.is_first_attempt then predictions.learner_skill end as first_skill
    from attempts
    inner join predictions on attempts.attempt_key = predictions.attempt_key
),

summed as (
    select
        question_id,
        min(topic_id) as any_topic_id,
        count(*) as answer_count,
        count(distinct person_key) as learner_count,
        count(case when hint_used then 1 end) as hinted_count,
        count(case when is_rapid_guess then 1 end) as rapid_guess_count,
        {{ quantile('time_to_answer_seconds', 0.5) }} as median_seconds,
        count(case when is_first_attempt then 1 end) as n,
        sum(case when is_first_attempt then success else 0 end) as y,
        {{ from_units('sum(' ~ units('first_skill') ~ ')') }} as x,
        {{ from_units('sum(' ~ units('first_skill * first_skill') ~ ')') }} as xx,
        {{ from_units('sum(' ~ units('first_skill * success') ~ ')') }} as xy
    from known
    group by question_id
),

correlated as (
    select
        *,
        (n * xx - x * x) * (n * y - y * y) as spread
    from summed
),

-- Only what enough people have answered is shown, let alone flagged.
measured as (
    select
        correlated.*,
        case
            when correlated.n >= coefficients.item_least_answers
                then correlated.y / cast(correlated.n as double)
        end as p_value,
        case
            when
                correlated.n >= coefficients.item_discrimination_least_answers
                and correlated.spread > 1e-9
                then
                    (correlated.n * correlated.xy - correlated.x * correlated.y)
                    / sqrt(correlated.spread)
        end as discrimination
    from correlated
    cross join coefficients
)

select
    measured.question_id,
    coalesce(questions.topic_id, measured.any_topic_id) as topic_id,
    questions.question_type,
    questions.difficulty as claimed_difficulty,
    measured.answer_count,
    measured.n as first_answer_count,
    measured.learner_count,
    measured.p_value,
    measured.discrimination,
    measured.rapid_guess_count / cast(measured.answer_count as double) as guess_rate,
    measured.hinted_count / cast(measured.answer_count as double) as hint_rate,
    measured.median_seconds,
    coalesce(measured.discrimination < coefficients.item_low_discrimination, false)
        as has_low_discrimination,
    coalesce(measured.p_value > coefficients.item_easy_above, false) as is_too_easy,
    coalesce(measured.p_value < coefficients.item_hard_below, false) as is_too_hard,
    coalesce(measured.discrimination < coefficients.item_low_discrimination, false)
    or coalesce(measured.p_value > coefficients.item_easy_above, false)
    or coalesce(measured.p_value < coefficients.item_hard_below, false) as is_flagged
from measured
cross join coefficients
left join questions on measured.question_id = questions.question_id
where {{ is_touched('everything') }}
