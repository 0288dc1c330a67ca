{{ config(materialized='incremental', unique_key='everything') }}

with question_attempts as (
    select * from {{ ref('question_attempts') }}
),

question_events as (
    select * from {{ ref('int_question_events') }}
    where event_name in ('QUESTION_VIEW', 'AI_HINT_REQUESTED', 'AI_EXPLANATION_REQUESTED')
),

material_events as (
    select * from {{ ref('int_person_material_events') }}
),

inquiries as (
    select * from {{ ref('int_topic_inquiries') }}
),

questions as (
    select * from {{ ref('stg_studyin__questions') }}
),

topics as (
    select * from {{ ref('stg_studyin__topics') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

-- What names an actor still, until the person is joined on below.
of_actors as (
    select
        question_events.actor_key,
        question_events.actor_kind,
        question_events.event_name,
        coalesce(question_events.topic_id, questions.topic_id) as topic_id,
        question_events.occurred_at
    from question_events
    left join questions on question_events.question_id = questions.question_id
    union all
    select
        actor_key,
        actor_kind,
        event_name,
        topic_id,
        occurred_at
    from inquiries
),

gathered as (
    select
        coalesce(actor_persons.person_key, of_actors.actor_key) as person_key,
        of_actors.event_name,
        of_actors.topic_id,
        {{ local_date('of_actors.occurred_at') }} as stat_date,
        cast(null as bigint) as duration_ms,
        cast(null as boolean) as is_correct
    from of_actors
    left join actor_persons
        on
            of_actors.actor_key = actor_persons.actor_key
            and of_actors.actor_kind = actor_persons.actor_kind
    union all
    select
        person_key,
        event_name,
        topic_id,
        {{ local_date('occurred_at') }} as stat_date,
        reading_ms as duration_ms,
        cast(null as boolean) as is_correct
    from material_events
    union all
    select
        person_key,
        'QUESTION_SUBMIT' as event_name,
        topic_id,
        attempt_date as stat_date,
        -- Whole again: a sum of doubles would depend on the order of the rows.
        cast(round(time_to_answer_seconds * 1000) as bigint) as duration_ms,
        is_correct
    from question_attempts
),

summed as (
    select
        stat_date,
        topic_id,
        count(distinct person_key) as learner_count,
        {{ event_measure('questions_viewed') }} as questions_viewed,
        {{ event_measure('questions_attempted') }} as questions_attempted,
        {{ event_measure('questions_correct') }} as questions_correct,
        sum(case when event_name = 'QUESTION_SUBMIT' then duration_ms end) as answering_ms,
        {{ event_measure('hints_requested') }} as hints_requested,
        count(case when event_name = 'AI_EXPLANATION_REQUESTED' then 1 end)
            as explanations_requested,
        {{ event_measure('ai_interactions') }} as ai_interactions,
        {{ event_measure('materials_viewed') }} as materials_viewed,
        {{ event_measure('materials_completed') }} as materials_completed,
        {{ event_measure('chunks_read') }} as chunks_read,
        {{ event_measure('reading_ms') }} as reading_ms,
        {{ event_measure('annotations') }} as annotations,
        count(case when event_name = 'TOPIC_EXPLORED' then 1 end) as topics_explored
    from gathered
    where topic_id is not null
    group by stat_date, topic_id
)

select
    summed.stat_date,
    summed.topic_id,
    topics.topic_name,
    summed.learner_count,
    summed.questions_viewed,
    summed.questions_attempted,
    summed.questions_correct,
    cast(summed.questions_correct as double) / nullif(summed.questions_attempted, 0) as accuracy,
    cast(floor(summed.answering_ms / 1000) as bigint) as answering_seconds,
    summed.hints_requested,
    summed.explanations_requested,
    summed.ai_interactions,
    summed.materials_viewed,
    summed.materials_completed,
    summed.chunks_read,
    cast(floor(summed.reading_ms / 1000) as bigint) as reading_seconds,
    summed.annotations,
    summed.topics_explored,
    coalesce(summed.stat_date <= watermark.as_of_date, false) as is_complete
from summed
left join topics on summed.topic_id = topics.topic_id
left join watermark on true
where {{ is_touched('everything') }}
