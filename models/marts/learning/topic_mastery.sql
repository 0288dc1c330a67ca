{{ config(materialized='incremental', unique_key='everything') }}

with skills as (
    select * from {{ ref('int_topic_skills') }}
),

reading as (
    select * from {{ ref('int_topic_reading') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

gathered as (
    select
        coalesce(skills.person_key, reading.person_key) as person_key,
        coalesce(skills.topic_id, reading.topic_id) as topic_id,
        skills.last_attempted_at,
        skills.attempt_count,
        skills.correct_count,
        coalesce(skills.evidence, 0) as evidence,
        skills.score,
        skills.never_practised_score,
        skills.score_before,
        skills.score_gained_in_ten,
        {{ logistic('skills.score - skills.forgetting') }} as mastery_score,
        reading.exposure_seconds,
        reading.materials_completed,
        reading.last_read_at
    from skills
    full outer join reading
        on skills.person_key = reading.person_key and skills.topic_id = reading.topic_id
),

measured as (
    select
        gathered.*,
        coefficients.interval_prior + coefficients.interval_evidence * gathered.evidence as answers,
        coefficients.interval_quantile as z,
        {{ logit('coefficients.target') }} as target_score,
        {{ logistic('gathered.score_before') }} as mastery_before
    from gathered
    cross join coefficients
),

bounded as (
    select
        measured.*,
        {{ wilson('measured.mastery_score', 'measured.answers', 'measured.z', '-') }}
            as mastery_low,
        {{ wilson('measured.mastery_score', 'measured.answers', 'measured.z', '+') }}
            as mastery_high,
        case
            when measured.score is null then null
            when measured.score < measured.target_score then 0
            when measured.never_practised_score >= measured.target_score
                then coefficients.due_most_days
            else
                least(
                    greatest(
                        (exp(
                            least(
                                (measured.score - measured.target_score) / coefficients.forgetting,
                                50
                            )
                        ) - 1) / 24,
                        coefficients.due_least_days
                    ),
                    coefficients.due_most_days
                )
        end as due_days
    from measured
    cross join coefficients
)

select
    bounded.person_key,
    bounded.topic_id,
    bounded.mastery_score,
    bounded.mastery_low,
    bounded.mastery_high,
    case
        when bounded.mastery_score is null then null
        when bounded.evidence < coefficients.least_evidence then 'insufficient'
        when
            bounded.mastery_score >= coefficients.mastered_from
            and bounded.mastery_low >= coefficients.mastered_low_from
            then 'mastered'
        when bounded.mastery_score >= coefficients.proficient_from then 'proficient'
        when bounded.mastery_score >= coefficients.competent_from then 'competent'
        when bounded.mastery_score >= coefficients.developing_from then 'developing'
        else 'novice'
    end as mastery_level,
    bounded.evidence,
    coalesce(bounded.attempt_count, 0) as questions_attempted,
    coalesce(bounded.correct_count, 0) as questions_correct,
    cast(coalesce(bounded.exposure_seconds, 0) as bigint) as exposure_seconds,
    cast(coalesce(bounded.materials_completed, 0) as bigint) as materials_completed,
    bounded.last_attempted_at,
    bounded.last_read_at,
    bounded.mastery_score as predicted_recall,
    cast(
        {{ local_date(from_epoch_us(
            'cast(' ~ epoch_us('bounded.last_attempted_at')
            ~ ' + floor(bounded.due_days * 86400) * 1000000 as bigint)'
        )) }} as date
    ) as review_due_date,
    bounded.due_days as review_due_days,
    case
        when bounded.mastery_score - bounded.mastery_before > coefficients.trend_flat then 'rising'
        when bounded.mastery_score - bounded.mastery_before < -coefficients.trend_flat
            then 'falling'
        when bounded.mastery_before is not null then 'flat'
    end as trend,
    bounded.mastery_score - bounded.mastery_before as mastery_change,
    bounded.score_gained_in_ten as learning_velocity,
    coefficients.target - bounded.mastery_score as distance_to_target
from bounded
cross join coefficients
where {{ is_touched('everything') }}
