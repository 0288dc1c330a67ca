-- Every answer and every report of reading whose topic is known is in one row of its day and topic:
-- none is lost or doubled where references and persons are joined on.
with of_topics as (
    select
        stat_date,
        topic_id,
        questions_attempted,
        questions_correct,
        chunks_read,
        materials_completed
    from {{ ref('topic_daily_stats') }}
),

answers as (
    select
        attempt_date as stat_date,
        topic_id,
        count(*) as questions_attempted,
        count(case when is_correct then 1 end) as questions_correct
    from {{ ref('question_attempts') }}
    where topic_id is not null
    group by attempt_date, topic_id
),

reading as (
    select
        {{ local_date('occurred_at') }} as stat_date,
        topic_id,
        count(case when event_name = 'MATERIAL_READ' then 1 end) as chunks_read,
        count(case when event_name = 'MATERIAL_COMPLETE' then 1 end) as materials_completed
    from {{ ref('int_person_material_events') }}
    where topic_id is not null
    group by {{ local_date('occurred_at') }}, topic_id
),

-- The same numbers once more, without topics: what had no topic is what may be missing.
of_days as (
    select
        stat_date,
        sum(questions_attempted) as questions_attempted,
        sum(hints_requested) as hints_requested,
        sum(ai_interactions) as ai_interactions
    from {{ ref('daily_user_stats') }}
    group by stat_date
),

topics_of_days as (
    select
        stat_date,
        sum(questions_attempted) as questions_attempted,
        sum(hints_requested) as hints_requested,
        sum(ai_interactions) as ai_interactions
    from {{ ref('topic_daily_stats') }}
    group by stat_date
),

disagreeing as (
    select
        'answers' as what,
        answers.stat_date,
        answers.topic_id
    from answers
    left join of_topics
        on answers.stat_date = of_topics.stat_date and answers.topic_id = of_topics.topic_id
    where
        answers.questions_attempted is distinct from of_topics.questions_attempted
        or answers.questions_correct is distinct from of_topics.questions_correct
    union all
    select
        'reading' as what,
        reading.stat_date,
        reading.topic_id
    from reading
    left join of_topics
        on reading.stat_date = of_topics.stat_date and reading.topic_id = of_topics.topic_id
    where
        reading.chunks_read is distinct from of_topics.chunks_read
        or reading.materials_completed is distinct from of_topics.materials_completed
    union all
    select
        'more than the days hold' as what,
        topics_of_days.stat_date,
        null as topic_id
    from topics_of_days
    left join of_days on topics_of_days.stat_date = of_days.stat_date
    where
        of_days.stat_date is null
        or topics_of_days.questions_attempted > of_days.questions_attempted
        or topics_of_days.hints_requested > of_days.hints_requested
        or topics_of_days.ai_interactions > of_days.ai_interactions
)

select * from disagreeing
