{{ config(materialized='incremental', unique_key='everything') }}

with mastery as (
    select * from {{ ref('topic_mastery') }}
),

skills as (
    select * from {{ ref('int_topic_skills') }}
),

learner_skills as (
    select * from {{ ref('int_learner_skills') }}
    where moment = 'now'
),

difficulties as (
    select * from {{ ref('int_topic_difficulties') }}
    where moment = 'now' and topic_key <> ''
),

topics as (
    select * from {{ ref('stg_studyin__topics') }}
),

prerequisites as (
    select * from {{ ref('int_topic_prerequisites') }}
    where is_known and not is_circular
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

learners as (
    select person_key from learner_skills
    union
    select person_key from mastery
),

blocking as (
    select
        prerequisite_id as topic_id,
        count(*) as blocked_topic_count
    from prerequisites
    group by prerequisite_id
),

weighed as (
    select
        difficulties.topic_key as topic_id,
        difficulties.difficulty,
        topics.topic_id is not null as is_in_reference,
        greatest(coalesce(topics.importance, coefficients.default_importance), 0) as importance,
        coalesce(blocking.blocked_topic_count, 0) as blocked_topic_count,
        coalesce(max(blocking.blocked_topic_count) over (), 0) as most_blocked_count
    from difficulties
    cross join coefficients
    left join topics on difficulties.topic_key = topics.topic_id
    left join blocking on difficulties.topic_key = blocking.topic_id
),

-- Who has not answered is taken for somebody who never practised.
expected as (
    select
        learners.person_key,
        weighed.*,
        mastery.mastery_score as measured_score,
        coalesce(mastery.evidence, 0) as evidence,
        coalesce(mastery.questions_attempted, 0) as questions_attempted,
        coalesce(mastery.exposure_seconds, 0) as exposure_seconds,
        mastery.person_key is not null as is_touched_upon,
        coalesce(
            mastery.mastery_score,
            {{ logistic(
                skill_score(
                    'coalesce(learner_skills.learner_skill, 0)',
                    'coalesce(learner_skills.learner_recent_skill, 0)', 'weighed.difficulty'
                ) ~ ' + coefficients.first_in_topic'
            ) }}
        ) as mastery_score
    from learners
    cross join weighed
    cross join coefficients
    left join learner_skills on learners.person_key = learner_skills.person_key
    left join mastery
        on learners.person_key = mastery.person_key and weighed.topic_id = mastery.topic_id
),

judged as (
    select
        expected.*,
        skills.correct_count,
        skills.hinted_correct_count,
        skills.confidently_wrong_count,
        skills.lately_wrong_count,
        {{ logistic('skills.peak_score') }} as peak_rate,
        case
            when expected.questions_attempted = 0 and not expected.is_touched_upon
                then 'not_covered'
            when expected.questions_attempted = 0 then 'covered_untested'
            when expected.evidence < coefficients.least_evidence then 'insufficient_evidence'
            when
                skills.confidently_wrong_count >= coefficients.confident_wrong_least
                and skills.confidently_wrong_count
                >= coefficients.confident_wrong_share * skills.lately_wrong_count
                then 'misconception'
            when
                expected.mastery_score < coefficients.target
                and skills.peak_score >= {{ logit('coefficients.target') }}
                and skills.forgetting
                >= coefficients.forgotten_share
                * (skills.peak_score - skills.score + skills.forgetting)
                then 'forgotten'
            when
                skills.correct_count > 0
                and skills.hinted_correct_count >= coefficients.hinted_share * skills.correct_count
                then 'hint_dependent'
            when expected.mastery_score < coefficients.target then 'weak'
        end as gap_type,
        greatest(0, (coefficients.target - expected.mastery_score) / coefficients.target)
            as severity
    from expected
    cross join coefficients
    left join skills
        on expected.person_key = skills.person_key and expected.topic_id = skills.topic_id
),

-- A topic that somebody's events alone name is a gap of nobody else.
gaps as (
    select * from judged
    where gap_type is not null and (is_in_reference or gap_type <> 'not_covered')
),

built_on_gaps as (
    select distinct
        gaps.person_key,
        gaps.topic_id
    from gaps
    inner join prerequisites on gaps.topic_id = prerequisites.topic_id
    inner join gaps as earlier
        on
            gaps.person_key = earlier.person_key
            and prerequisites.prerequisite_id = earlier.topic_id
)

select
    gaps.person_key,
    gaps.topic_id,
    gaps.gap_type,
    gaps.severity,
    gaps.severity * gaps.importance
    * (
        1 + coefficients.blocking_bonus * gaps.blocked_topic_count
        / greatest(gaps.most_blocked_count, 1)
    )
    * case
        when gaps.gap_type = 'insufficient_evidence' then coefficients.insufficient_weight else 1
    end as priority,
    built_on_gaps.person_key is null as is_root_gap,
    gaps.blocked_topic_count,
    gaps.measured_score as mastery_score,
    gaps.mastery_score as expected_score,
    gaps.evidence,
    gaps.importance,
    case gaps.gap_type
        when 'not_covered' then 'Nothing read, nothing answered'
        when 'covered_untested'
            then case
                when gaps.exposure_seconds = 0 then 'Opened, nothing answered'
                else
                    'Read for ' || cast(ceil(gaps.exposure_seconds / 60.0) as bigint)
                    || ' min, nothing answered'
            end
        when 'insufficient_evidence'
            then
                case
                    when gaps.questions_attempted = 1 then 'Only 1 answer, too few to judge'
                    when gaps.questions_attempted < coefficients.least_evidence
                        then 'Only ' || gaps.questions_attempted || ' answers, too few to judge'
                    else
                        gaps.questions_attempted
                        || ' answers, too many of them repeats or guesses to judge'
                end
        when 'misconception'
            then
                gaps.confidently_wrong_count || ' of ' || gaps.lately_wrong_count
                || ' latest wrong answers were given with confidence'
        when 'forgotten'
            then
                'Was at ' || cast(round(100 * gaps.peak_rate) as bigint) || ' %, now '
                || cast(round(100 * gaps.mastery_score) as bigint)
                || ' %, mostly for lack of review'
        when 'hint_dependent'
            then
                gaps.hinted_correct_count || ' of ' || gaps.correct_count
                || ' right answers came with a hint'
        when 'weak'
            then
                'At ' || cast(round(100 * gaps.mastery_score) as bigint) || ' % after '
                || gaps.questions_attempted || ' answers'
    end as reason
from gaps
cross join coefficients
left join built_on_gaps
    on gaps.person_key = built_on_gaps.person_key and gaps.topic_id = built_on_gaps.topic_id
where {{ is_touched('everything') }}
