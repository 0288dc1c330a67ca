{{ config(materialized='incremental', unique_key='everything') }}

with quiz_events as (
    select * from {{ ref('int_quiz_events') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

known as (
    select
        quiz_events.*,
        coalesce(actor_persons.person_key, quiz_events.actor_key) as person_key,
        -- An assessment without an id is told from others by its skill.
        case
            when quiz_events.quiz_id is not null then concat('quiz ', quiz_events.quiz_id)
            when quiz_events.skill is not null
                then concat(quiz_events.event_name, ' ', quiz_events.skill)
        end as taken,
        -- At one instant the start comes first.
        case when quiz_events.event_name = 'QUIZ_START' then 0 else 1 end as precedence,
        {{ epoch_us('quiz_events.occurred_at') }} as occurred_us
    from quiz_events
    left join actor_persons
        on
            quiz_events.actor_key = actor_persons.actor_key
            and quiz_events.actor_kind = actor_persons.actor_kind
),

placed as (
    select
        *,
        count(case when precedence = 1 then 1 end) over earlier as taken_before,
        max(case when precedence = 1 then occurred_us end) over earlier as last_taken_us,
        max(case when precedence = 0 then occurred_us end) over earlier as last_start_us
    from known
    window earlier as (
        partition by person_key, source_app, taken
        order by occurred_us, precedence, event_key
        rows between unbounded preceding and 1 preceding
    )
),

judged as (
    select
        *,
        -- A start is used up by the result that follows it.
        case
            when taken is not null and last_start_us > coalesce(last_taken_us, last_start_us - 1)
                then last_start_us
        end as start_us,
        coalesce(correct_answers > total_questions, false)
        or coalesce(claimed_score < 0 or claimed_score > 100, false) as is_impossible
    from placed
    where precedence = 1
),

scored as (
    select
        *,
        case
            when is_impossible then null
            when source_app = 'studyin'
                then cast(correct_answers as double) / nullif(total_questions, 0)
            else claimed_score / 100
        end as score
    from judged
)

select
    event_key as quiz_key,
    source_app,
    person_key,
    session_id,
    quiz_id,
    case
        when event_name = 'SKILL_ASSESS' then 'skill_assessment'
        else coalesce(quiz_type, 'quiz')
    end as kind,
    skill,
    consent_mode,
    total_questions,
    correct_answers,
    score,
    claimed_accuracy,
    claimed_score,
    -- Apps round to two places at the coarsest.
    coalesce(round(abs(claimed_accuracy - score), 6) > 0.005, false) as is_claim_different,
    is_impossible,
    total_time_seconds,
    (occurred_us - start_us) / cast(1000000 as double) as seconds_since_start,
    {{ from_epoch_us('start_us') }} as started_at,
    occurred_at as taken_at,
    case when taken is not null then taken_before + 1 end as attempt_number
from scored
where {{ is_touched('everything') }}
