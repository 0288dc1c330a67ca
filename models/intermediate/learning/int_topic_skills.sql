{{ config(materialized='incremental', unique_key='everything') }}

with predictions as (
    select * from {{ ref('int_attempt_predictions') }}
    where topic_key <> '' and is_profiled
),

moments as (
    select * from {{ ref('int_mastery_moments') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

learner_skills as (
    select * from {{ ref('int_learner_skills') }}
),

difficulties as (
    select * from {{ ref('int_topic_difficulties') }}
),

latest as (
    select
        moments.moment,
        moments.moment_at,
        predictions.person_key,
        predictions.topic_key,
        max(predictions.topic_attempt_number) as topic_attempt_number
    from predictions
    inner join moments on predictions.attempted_at <= moments.moment_at
    group by
        moments.moment, moments.moment_at, predictions.person_key, predictions.topic_key
),

at_moments as (
    select
        latest.*,
        predictions.attempted_at as last_attempted_at,
        predictions.topic_evidence_after as evidence,
        coefficients.topic * predictions.topic_skill_after
        + coefficients.recent_topic * predictions.topic_recent_skill_after as practised,
        {{ skill_score(
            'learner_skills.learner_skill', 'learner_skills.learner_recent_skill',
            'difficulties.difficulty'
        ) }} as ability_score,
        coefficients.intercept + coefficients.difficulty * difficulties.difficulty as topic_score
    from latest
    inner join predictions
        on
            latest.person_key = predictions.person_key
            and latest.topic_key = predictions.topic_key
            and latest.topic_attempt_number = predictions.topic_attempt_number
    inner join learner_skills
        on latest.person_key = learner_skills.person_key and latest.moment = learner_skills.moment
    inner join difficulties
        on latest.topic_key = difficulties.topic_key and latest.moment = difficulties.moment
    cross join coefficients
),

scored as (
    select
        at_moments.*,
        at_moments.ability_score + at_moments.practised as score,
        at_moments.ability_score + coefficients.first_in_topic as never_practised_score,
        {{ forgotten(
            '(' ~ epoch_us('at_moments.moment_at') ~ ' - ' ~ epoch_us('at_moments.last_attempted_at')
            ~ ') / 3600000000', 'at_moments.practised'
        ) }} as forgetting
    from at_moments
    cross join coefficients
),

-- What an answer left behind, without the topic's difficulty, which is one for all.
left_behind as (
    select
        predictions.*,
        latest.topic_attempt_number - predictions.topic_attempt_number as answers_ago,
        coefficients.ability * predictions.learner_skill_after
        + coefficients.recent_ability * predictions.learner_recent_skill_after
        + coefficients.topic * predictions.topic_skill_after
        + coefficients.recent_topic * predictions.topic_recent_skill_after as skill
    from predictions
    inner join latest
        on
            predictions.person_key = latest.person_key
            and predictions.topic_key = latest.topic_key
            and predictions.topic_attempt_number <= latest.topic_attempt_number
    cross join coefficients
    where latest.moment = 'now'
),

history as (
    select
        left_behind.person_key,
        left_behind.topic_key,
        count(*) as attempt_count,
        count(case when left_behind.is_correct then 1 end) as correct_count,
        count(case when left_behind.is_correct and left_behind.hint_used then 1 end)
            as hinted_correct_count,
        count(
            case
                when
                    not left_behind.is_correct
                    and left_behind.answers_ago < coefficients.confident_attempts
                    then 1
            end
        ) as lately_wrong_count,
        count(
            case
                when
                    not left_behind.is_correct
                    and left_behind.confidence_level >= coefficients.confident_from
                    and left_behind.answers_ago < coefficients.confident_attempts
                    then 1
            end
        ) as confidently_wrong_count,
        max(left_behind.skill) as peak_skill
    from left_behind
    cross join coefficients
    group by left_behind.person_key, left_behind.topic_key
),

-- The least-squares line through the latest answers, counted backwards.
lately as (
    select
        left_behind.person_key,
        left_behind.topic_key,
        count(*) as n,
        sum(-left_behind.answers_ago) as x,
        sum(left_behind.answers_ago * left_behind.answers_ago) as xx,
        sum({{ units('left_behind.skill') }}) as y_units,
        sum(-left_behind.answers_ago * {{ units('left_behind.skill') }}) as xy_units
    from left_behind
    cross join coefficients
    where left_behind.answers_ago < coefficients.velocity_attempts
    group by left_behind.person_key, left_behind.topic_key
)

select
    scored.person_key,
    scored.topic_key as topic_id,
    scored.last_attempted_at,
    scored.evidence,
    history.attempt_count,
    history.correct_count,
    history.hinted_correct_count,
    history.lately_wrong_count,
    history.confidently_wrong_count,
    scored.score,
    scored.forgetting,
    scored.never_practised_score,
    scored.topic_score + history.peak_skill as peak_score,
    earlier.score - earlier.forgetting as score_before,
    case
        when lately.n > 1
            then
                10 * (
                    lately.n * {{ from_units('lately.xy_units') }}
                    - lately.x * {{ from_units('lately.y_units') }}
                ) / (lately.n * lately.xx - lately.x * lately.x)
    end as score_gained_in_ten
from scored
inner join history
    on scored.person_key = history.person_key and scored.topic_key = history.topic_key
inner join lately
    on scored.person_key = lately.person_key and scored.topic_key = lately.topic_key
left join scored as earlier
    on
        scored.person_key = earlier.person_key
        and scored.topic_key = earlier.topic_key
        and earlier.moment = 'before'
where scored.moment = 'now' and {{ is_touched('everything') }}
