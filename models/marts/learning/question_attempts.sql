{{ config(materialized='incremental', unique_key='everything') }}

with question_events as (
    select * from {{ ref('int_question_events') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

questions as (
    select * from {{ ref('stg_studyin__questions') }}
),

-- What happens to somebody at one instant: the question is seen, help comes, the answer goes.
known as (
    select
        question_events.*,
        coalesce(actor_persons.person_key, question_events.actor_key) as person_key,
        case question_events.event_name
            when 'QUESTION_VIEW' then 0
            when 'QUESTION_SUBMIT' then 2
            else 1
        end as precedence,
        {{ epoch_us('question_events.occurred_at') }} as occurred_us
    from question_events
    left join actor_persons
        on
            question_events.actor_key = actor_persons.actor_key
            and question_events.actor_kind = actor_persons.actor_kind
),

-- The answers before an event tell which attempt it belongs to.
placed as (
    select
        *,
        count(case when event_name = 'QUESTION_SUBMIT' then 1 end) over earlier as answers_before,
        max(case when event_name = 'QUESTION_SUBMIT' then occurred_us end) over earlier
            as last_answer_us,
        max(case when event_name = 'QUESTION_VIEW' then occurred_us end) over earlier
            as last_view_us
    from known
    window earlier as (
        partition by person_key, question_id
        order by occurred_us, precedence, event_key
        rows between unbounded preceding and 1 preceding
    )
),

-- Help is for the answer that it leads to. An explanation that is read when nothing was seen since
-- the last answer is for that one as well.
helped as (
    select
        person_key,
        question_id,
        answers_before + 1 as attempt_number,
        event_name
    from placed
    where event_name in ('AI_HINT_REQUESTED', 'AI_EXPLANATION_REQUESTED')
    union all
    select
        person_key,
        question_id,
        answers_before as attempt_number,
        event_name
    from placed
    where
        event_name = 'AI_EXPLANATION_REQUESTED'
        and answers_before > 0
        and last_answer_us >= coalesce(last_view_us, last_answer_us)
),

help as (
    select
        person_key,
        question_id,
        attempt_number,
        max(case when event_name = 'AI_HINT_REQUESTED' then 1 else 0 end) = 1 as hint_used,
        max(case when event_name = 'AI_EXPLANATION_REQUESTED' then 1 else 0 end) = 1
            as explanation_viewed
    from helped
    group by person_key, question_id, attempt_number
),

answered as (
    select
        placed.*,
        placed.answers_before + 1 as attempt_number,
        coalesce(placed.topic_id, questions.topic_id) as known_topic_id,
        coalesce(help.hint_used, false) as hint_used,
        coalesce(help.explanation_viewed, false) as explanation_viewed,
        {{ local_date('placed.occurred_at') }} as attempt_date
    from placed
    left join questions on placed.question_id = questions.question_id
    left join help
        on
            placed.person_key = help.person_key
            and placed.question_id = help.question_id
            and placed.answers_before + 1 = help.attempt_number
    where placed.event_name = 'QUESTION_SUBMIT'
)

select
    event_key as attempt_key,
    person_key,
    session_id,
    source_app,
    question_id,
    known_topic_id as topic_id,
    consent_mode,
    occurred_at as attempted_at,
    attempt_date,
    is_correct,
    duration_ms / 1000 as time_to_answer_seconds,
    case
        when last_view_us > coalesce(last_answer_us, last_view_us - 1)
            then (occurred_us - last_view_us) / cast(1000000 as double)
    end as seconds_since_view,
    cast(confidence_level as integer) as confidence_level,
    attempt_number = 1 as is_first_attempt,
    cast(attempt_number as integer) as attempt_number,
    cast(
        {{ dbt.datediff(
            local_date(from_epoch_us('last_answer_us')), 'attempt_date', 'day'
        ) }} as integer
    ) as days_since_last_attempt,
    hint_used,
    explanation_viewed,
    selected_answer,
    correct_answer,
    claimed_is_first_attempt,
    -- An app that has lost count costs no build.
    cast(least(claimed_attempt_number, 2147483647) as integer) as claimed_attempt_number,
    claimed_hint_used,
    coalesce(claimed_is_first_attempt <> (attempt_number = 1), false)
    or coalesce(claimed_attempt_number <> attempt_number, false)
    or coalesce(claimed_hint_used <> hint_used, false) as is_claim_different,
    coalesce((selected_answer = correct_answer) <> is_correct, false) as is_answer_contradicted
from answered
where {{ is_touched('everything') }}
