{{ config(materialized='incremental', unique_key='everything') }}

with content as (
    select * from {{ ref('int_person_course_content') }}
),

progress as (
    select * from {{ ref('course_progress') }}
    where is_started
),

-- Everybody, those too who cannot be recognised when they come back.
people as (
    select
        content_level,
        course_id,
        module_id,
        lesson_id,
        count(*) as people_seen,
        count(started_at) as people_started,
        count(completed_at) as people_completed,
        sum(event_count) as event_count
    from content
    group by content_level, course_id, module_id, lesson_id
    having count(started_at) > 0
),

recognised as (
    select
        content_level,
        course_id,
        module_id,
        lesson_id,
        count(*) as recognised_started,
        count(completed_at) as recognised_completed,
        count(case when is_stopping_point then 1 end) as stopped_count,
        count(case when is_drop_off_point then 1 end) as drop_off_count,
        median(time_spent_seconds) as median_seconds,
        median(case when is_completed then time_spent_seconds end) as median_seconds_completed
    from progress
    group by content_level, course_id, module_id, lesson_id
),

counted as (
    select
        {{ hash_key([
            'people.content_level',
            'people.course_id',
            "coalesce(people.module_id, '')",
            "coalesce(people.lesson_id, '')",
        ]) }} as content_key,
        case people.content_level
            when 'lesson' then {{ hash_key([
                'people.content_level', 'people.course_id', "coalesce(people.module_id, '')"
            ]) }}
            when 'module' then {{ hash_key(['people.content_level', 'people.course_id']) }}
            else {{ hash_key(['people.content_level']) }}
        end as siblings_key,
        people.*,
        coalesce(recognised.recognised_started, 0) as recognised_started,
        coalesce(recognised.recognised_completed, 0) as recognised_completed,
        coalesce(recognised.stopped_count, 0) as stopped_count,
        coalesce(recognised.drop_off_count, 0) as drop_off_count,
        recognised.median_seconds,
        recognised.median_seconds_completed,
        cast(recognised.recognised_completed as double)
        / nullif(recognised.recognised_started, 0) as completion_rate
    from people
    left join recognised
        on
            people.content_level = recognised.content_level
            and people.course_id = recognised.course_id
            and coalesce(people.module_id, '') = coalesce(recognised.module_id, '')
            and coalesce(people.lesson_id, '') = coalesce(recognised.lesson_id, '')
),

families as (
    select
        siblings_key,
        count(*) as member_count,
        sum(recognised_started) as recognised_started,
        sum(recognised_completed) as recognised_completed
    from counted
    group by siblings_key
),

-- Of the others together: each counts by its people, and a sum of whole numbers has no rounding.
compared as (
    select
        counted.*,
        families.member_count - 1 as sibling_count,
        cast(families.recognised_completed - counted.recognised_completed as double)
        / nullif(families.recognised_started - counted.recognised_started, 0)
            as siblings_completion_rate,
        case
            when counted.completion_rate is not null
                then rank() over (
                    partition by counted.siblings_key
                    order by coalesce(counted.completion_rate, -1) desc
                )
        end as completion_rank
    from counted
    inner join families on counted.siblings_key = families.siblings_key
)

select
    content_key,
    content_level,
    course_id,
    module_id,
    lesson_id,
    people_seen,
    people_started,
    people_completed,
    cast(event_count as bigint) as event_count,
    recognised_started,
    recognised_completed,
    completion_rate,
    cast(median_seconds as double) as median_seconds,
    cast(median_seconds_completed as double) as median_seconds_completed,
    stopped_count,
    cast(stopped_count as double) / nullif(recognised_started, 0) as stopped_share,
    drop_off_count,
    cast(drop_off_count as double) / nullif(recognised_started, 0) as drop_off_share,
    sibling_count,
    completion_rank,
    siblings_completion_rate,
    completion_rate - siblings_completion_rate as completion_rate_difference
from compared
where {{ is_touched('everything') }}
