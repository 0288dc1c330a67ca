{{ config(materialized='incremental', unique_key='everything') }}

with mastery as (
    select * from {{ ref('topic_mastery') }}
    where last_attempted_at is not null
),

topics as (
    select * from {{ ref('stg_studyin__topics') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

data_now as (
    select * from {{ ref('int_data_now') }}
),

weighed as (
    select
        mastery.person_key,
        mastery.topic_id,
        mastery.predicted_recall,
        mastery.last_attempted_at,
        mastery.review_due_date,
        mastery.review_due_date <= {{ local_date('data_now.now_at') }} as is_due,
        cast(
            {{ dbt.datediff('mastery.review_due_date', local_date('data_now.now_at'), 'day') }}
            as integer
        ) as overdue_days,
        (1 - mastery.predicted_recall)
        * greatest(coalesce(topics.importance, coefficients.default_importance), 0) as priority
    from mastery
    cross join data_now
    cross join coefficients
    left join topics on mastery.topic_id = topics.topic_id
)

select
    person_key,
    topic_id,
    predicted_recall,
    last_attempted_at,
    review_due_date,
    is_due,
    overdue_days,
    priority,
    cast(
        row_number() over (
            partition by person_key
            order by case when is_due then 0 else 1 end asc, priority desc, topic_id asc
        ) as integer
    ) as review_rank
from weighed
where {{ is_touched('everything') }}
