{{ config(materialized='incremental', unique_key='everything') }}

with topic_days as (
    select * from {{ ref('int_topic_days') }}
),

moments as (
    select * from {{ ref('int_mastery_moments') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

topics as (
    select topic_id from {{ ref('stg_studyin__topics') }}
),

reading as (
    select topic_id from {{ ref('int_topic_reading') }}
),

-- A topic that nobody has answered is as hard as all of them together.
known as (
    select topic_key from topic_days
    union
    select topic_id as topic_key from topics
    where topic_id is not null
    union
    select topic_id as topic_key from reading
),

all_topics as (
    select
        moments.moment,
        sum(topic_days.first_count) as first_count,
        sum(topic_days.first_correct_count) as first_correct_count
    from topic_days
    inner join moments on topic_days.attempt_date < {{ local_date('moments.moment_at') }}
    group by moments.moment
),

one_topic as (
    select
        moments.moment,
        topic_days.topic_key,
        sum(topic_days.first_count) as first_count,
        sum(topic_days.first_correct_count) as first_correct_count
    from topic_days
    inner join moments on topic_days.attempt_date < {{ local_date('moments.moment_at') }}
    group by moments.moment, topic_days.topic_key
),

rated as (
    select
        moments.moment,
        known.topic_key,
        {{ smoothed_rate(
            'coalesce(one_topic.first_correct_count, 0)', 'coalesce(one_topic.first_count, 0)',
            'coefficients.topic_prior_answers',
            smoothed_rate(
                'coalesce(all_topics.first_correct_count, 0)',
                'coalesce(all_topics.first_count, 0)',
                'coefficients.success_prior_answers', 'coefficients.success_prior'
            )
        ) }} as success_rate
    from known
    cross join moments
    cross join coefficients
    left join all_topics on moments.moment = all_topics.moment
    left join one_topic
        on known.topic_key = one_topic.topic_key and moments.moment = one_topic.moment
)

select
    moment,
    topic_key,
    success_rate,
    {{ logit('success_rate') }} as difficulty
from rated
where {{ is_touched('everything') }}
