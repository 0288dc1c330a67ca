{{ config(materialized='incremental', unique_key='everything') }}

with content as (
    select * from {{ ref('int_person_course_content') }}
    where consent_mode = 'full'
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

courses as (
    select * from content
    where content_level = 'course'
),

modules as (
    select * from content
    where content_level = 'module'
),

positions as (
    select
        *,
        row_number() over (
            partition by person_key, course_id
            order by stood_at desc, coalesce(module_id, '') desc, lesson_id desc
        ) as place
    from content
    where content_level = 'lesson' and started_at is not null
),

-- A week without anything in the course, whole days up to today, tells stopping from a break.
stopped as (
    select
        positions.person_key,
        positions.course_id,
        positions.module_id,
        positions.lesson_id,
        positions.completed_at is null and modules.completed_at is null as is_drop_off
    from positions
    inner join courses
        on
            positions.person_key = courses.person_key
            and positions.course_id = courses.course_id
    left join modules
        on
            positions.person_key = modules.person_key
            and positions.course_id = modules.course_id
            and positions.module_id = modules.module_id
    cross join watermark
    where
        positions.place = 1
        and courses.completed_at is null
        and {{ dbt.datediff(
            local_date('courses.last_event_at'), 'watermark.as_of_date', 'day'
        ) }} >= 7
)

select
    content.person_key,
    content.content_level,
    content.course_id,
    content.module_id,
    content.lesson_id,
    content.first_event_at,
    content.started_at,
    content.completed_at,
    content.last_event_at,
    content.started_at is not null as is_started,
    content.completed_at is not null as is_completed,
    content.event_count,
    content.time_spent_seconds,
    content.lesson_count,
    content.lessons_started,
    content.lessons_completed,
    cast(content.lessons_completed as double) / nullif(content.lesson_count, 0) as progress,
    content.completed_at is not null and content.lessons_completed < content.lesson_count
        as is_completed_with_gaps,
    stopped.person_key is not null as is_stopping_point,
    coalesce(stopped.is_drop_off, false) as is_drop_off_point,
    stopped.module_id as stopped_module_id,
    stopped.lesson_id as stopped_lesson_id
from content
left join stopped
    on
        content.person_key = stopped.person_key
        and content.course_id = stopped.course_id
        and (
            content.module_id = stopped.module_id or content.content_level = 'course'
            or (content.module_id is null and stopped.module_id is null)
        )
        and (content.lesson_id = stopped.lesson_id or content.content_level <> 'lesson')
where {{ is_touched('everything') }}
