{{ config(materialized='incremental', unique_key='everything') }}

with topics as (
    select * from {{ ref('stg_studyin__topics') }}
    where topic_id is not null
),

questions as (
    select * from {{ ref('stg_studyin__questions') }}
),

attempts as (
    select * from {{ ref('question_attempts') }}
),

reading as (
    select * from {{ ref('int_topic_reading') }}
),

prerequisites as (
    select * from {{ ref('int_topic_prerequisites') }}
),

asked as (
    select topic_id from questions
    where topic_id is not null
    union
    select topic_id from attempts
    where topic_id is not null
),

used as (
    select topic_id from asked
    union
    select topic_id from reading
),

found as (
    select
        topics.topic_id,
        'no_questions' as problem,
        cast(null as varchar) as other_topic_id
    from topics
    left join asked on topics.topic_id = asked.topic_id
    where asked.topic_id is null
    union all
    select
        used.topic_id,
        'not_in_reference' as problem,
        cast(null as varchar) as other_topic_id
    from used
    left join topics on used.topic_id = topics.topic_id
    where topics.topic_id is null
    union all
    select
        topic_id,
        'circular_prerequisite' as problem,
        prerequisite_id as other_topic_id
    from prerequisites
    where is_stated and is_circular
    union all
    select
        topic_id,
        'unknown_prerequisite' as problem,
        prerequisite_id as other_topic_id
    from prerequisites
    where is_stated and not is_known
)

select
    topic_id,
    problem,
    other_topic_id
from found
where {{ is_touched('everything') }}
