{{ config(materialized='incremental', unique_key='everything') }}

{#- Of fewer answers in an hour of the day no accuracy is told. -#}
{%- set enough_answers = 20 -%}
{#- Sums of whole numbers are the same in any order, sums of fractions are not. -#}
{%- set parts = '1000000000' -%}

with person_days as (
    select * from {{ ref('int_person_days') }}
    where source_app = 'studyin' and consent_mode = 'full'
),

question_attempts as (
    select * from {{ ref('question_attempts') }}
    where consent_mode = 'full'
),

questions as (
    select * from {{ ref('stg_studyin__questions') }}
),

topic_mastery as (
    select * from {{ ref('topic_mastery') }}
),

slots as (
    select * from {{ ref('int_person_study_slots') }}
),

timezones as (
    select * from {{ ref('int_person_timezones') }}
),

streaks as (
    select * from {{ ref('int_person_streaks') }}
),

-- One row, also while no day is complete.
watermark as (
    select max(as_of_date) as as_of_date from {{ ref('int_data_watermark') }}
),

studied as (
    select
        person_key,
        sum(active_seconds) as study_seconds,
        count(case when deed_count > 0 then 1 end) as study_days
    from person_days
    group by person_key
),

recent as (
    select
        person_days.person_key,
        count(case when person_days.deed_count > 0 then 1 end) as recent_study_days,
        sum(coalesce(person_days.active_seconds, 0)) as recent_seconds,
        sum(
            coalesce(person_days.active_seconds, 0) * coalesce(person_days.active_seconds, 0)
        ) as recent_seconds_squared,
        sum(
            case
                when
                    person_days.stat_date
                    > {{ dbt.dateadd('day', -14, 'watermark.as_of_date') }}
                    then person_days.active_seconds
            end
        ) as velocity_seconds
    from person_days
    inner join watermark
        on
            person_days.stat_date <= watermark.as_of_date
            and person_days.stat_date > {{ dbt.dateadd('day', -28, 'watermark.as_of_date') }}
    group by person_days.person_key
),

-- A guess among so many options is right so often; a quarter, where nobody says how many.
options as (
    select
        question_id,
        {{ json_list_length('properties', 'options') }} as option_count
    from questions
),

rated as (
    select
        question_attempts.*,
        case when options.option_count >= 2 then 1.0e0 / options.option_count else 0.25e0 end
            as guess_rate
    from question_attempts
    left join options on question_attempts.question_id = options.question_id
),

-- Confidence 1 is a guess, 5 is certainty.
believed as (
    select
        *,
        guess_rate + (1 - guess_rate) * (confidence_level - 1) / 4 as believed_rate,
        case when is_correct then 1 else 0 end as outcome
    from rated
),

answered as (
    select
        person_key,
        count(*) as questions_attempted,
        sum(outcome) as questions_correct,
        count(case when is_correct and hint_used then 1 end) as hinted_correct,
        count(confidence_level) as confidence_answers,
        sum(case when confidence_level is not null then outcome end) as confidence_correct,
        sum(cast(round(believed_rate * {{ parts }}) as bigint)) as believed_parts,
        sum(
            cast(
                round((believed_rate - outcome) * (believed_rate - outcome) * {{ parts }})
                as bigint
            )
        ) as squared_parts
    from believed
    group by person_key
),

learned as (
    select
        person_key,
        count(case when mastery_level = 'mastered' then 1 end) as topics_mastered,
        count(case when mastery_level = 'proficient' then 1 end) as topics_proficient,
        count(case when mastery_level = 'competent' then 1 end) as topics_competent,
        count(case when mastery_level = 'developing' then 1 end) as topics_developing,
        count(case when mastery_level = 'novice' then 1 end) as topics_novice,
        count(case when mastery_level = 'insufficient' then 1 end) as topics_insufficient,
        count(case when mastery_level is null then 1 end) as topics_untested,
        sum(cast(round(mastery_change * {{ parts }}) as bigint)) as gained_parts
    from topic_mastery
    group by person_key
),

hours as (
    select
        person_key,
        extract(hour from own_time) as hour,
        sum(deed_count) as deed_count,
        sum(questions_attempted) as questions_attempted,
        cast(sum(questions_correct) as double) / nullif(sum(questions_attempted), 0) as accuracy
    from slots
    group by person_key, extract(hour from own_time)
),

best as (
    select
        person_key,
        {{ first_by('hour', ['-deed_count', 'hour']) }} as busiest_hour,
        {{ first_by(
            'case when questions_attempted >= ' ~ enough_answers ~ ' then hour end',
            ['-accuracy', '-questions_attempted', 'hour']
        ) }} as best_hour,
        max(case when questions_attempted >= {{ enough_answers }} then accuracy end)
            as best_hour_accuracy
    from hours
    group by person_key
),

streaks_beside as (
    select
        person_key,
        max(case when calendar = 'utc' then current_streak end) as current_streak,
        max(case when calendar = 'utc' then longest_streak end) as longest_streak,
        max(case when calendar = 'own' then current_streak end) as current_own_streak,
        max(case when calendar = 'own' then longest_streak end) as longest_own_streak
    from streaks
    group by person_key
)

select
    studied.person_key,
    timezones.timezone,
    cast(studied.study_seconds as bigint) as study_seconds,
    studied.study_days,
    coalesce(answered.questions_attempted, 0) as questions_attempted,
    cast(coalesce(answered.questions_correct, 0) as bigint) as questions_correct,
    cast(answered.questions_correct as double) / nullif(answered.questions_attempted, 0)
        as accuracy,
    case when watermark.as_of_date is not null then coalesce(recent.recent_study_days, 0) end
        as recent_study_days,
    case
        when watermark.as_of_date is not null
            then cast(coalesce(recent.recent_study_days, 0) as double) / 28
    end as consistency,
    case
        when watermark.as_of_date is not null
            then cast(coalesce(recent.recent_seconds, 0) as double) / 28 / 60
    end as daily_minutes,
    case
        when watermark.as_of_date is not null
            then
                sqrt(
                    cast(
                        28 * coalesce(recent.recent_seconds_squared, 0)
                        - coalesce(recent.recent_seconds, 0) * coalesce(recent.recent_seconds, 0)
                        as double
                    )
                ) / 28 / 60
    end as daily_minutes_spread,
    case
        when watermark.as_of_date is not null
            then cast(coalesce(streaks_beside.current_streak, 0) as bigint)
    end as current_streak,
    coalesce(streaks_beside.longest_streak, 0) as longest_streak,
    case
        when watermark.as_of_date is not null
            then cast(coalesce(streaks_beside.current_own_streak, 0) as bigint)
    end as current_own_streak,
    coalesce(streaks_beside.longest_own_streak, 0) as longest_own_streak,
    best.busiest_hour,
    best.best_hour,
    best.best_hour_accuracy,
    coalesce(answered.hinted_correct, 0) as hinted_correct,
    cast(answered.hinted_correct as double) / nullif(answered.questions_correct, 0)
        as hint_dependence,
    coalesce(answered.confidence_answers, 0) as confidence_answers,
    cast(answered.believed_parts - {{ parts }} * answered.confidence_correct as double)
    / {{ parts }} / nullif(answered.confidence_answers, 0) as confidence_bias,
    cast(answered.squared_parts as double) / {{ parts }}
    / nullif(answered.confidence_answers, 0) as confidence_brier,
    cast(learned.gained_parts as double) / {{ parts }}
    / nullif(cast(recent.velocity_seconds as double) / 3600, 0) as learning_velocity,
    coalesce(learned.topics_mastered, 0) as topics_mastered,
    coalesce(learned.topics_proficient, 0) as topics_proficient,
    coalesce(learned.topics_competent, 0) as topics_competent,
    coalesce(learned.topics_developing, 0) as topics_developing,
    coalesce(learned.topics_novice, 0) as topics_novice,
    coalesce(learned.topics_insufficient, 0) as topics_insufficient,
    coalesce(learned.topics_untested, 0) as topics_untested
from studied
cross join watermark
left join recent on studied.person_key = recent.person_key
left join timezones on studied.person_key = timezones.person_key
left join answered on studied.person_key = answered.person_key
left join best on studied.person_key = best.person_key
left join streaks_beside on studied.person_key = streaks_beside.person_key
left join learned on studied.person_key = learned.person_key
where {{ is_touched('everything') }}
