{{ config(materialized='incremental', unique_key='everything') }}

with visitor_content as (
    select * from {{ ref('int_visitor_course_content') }}
),

actor_persons as (
    select * from {{ ref('int_actor_persons') }}
),

known as (
    select
        visitor_content.*,
        coalesce(actor_persons.person_key, visitor_content.actor_key) as person_key,
        -- Of a completion whose start was lost, it is the start as well.
        least(visitor_content.first_start_at, visitor_content.lesson_completed_at) as begun_at,
        coalesce(visitor_content.last_start_at, visitor_content.lesson_completed_at) as stood_at
    from visitor_content
    left join actor_persons
        on
            visitor_content.actor_key = actor_persons.actor_key
            and visitor_content.actor_kind = actor_persons.actor_kind
),

-- What happens in a lesson happens in its module and in its course.
gathered as (
    select
        person_key,
        'lesson' as content_level,
        course_id,
        module_id,
        lesson_id,
        consent_mode,
        event_count,
        first_event_at,
        last_event_at,
        begun_at,
        stood_at,
        lesson_completed_at as completed_at,
        active_us
    from known
    where lesson_id is not null
    union all
    select
        person_key,
        'module' as content_level,
        course_id,
        module_id,
        null as lesson_id,
        consent_mode,
        event_count,
        first_event_at,
        last_event_at,
        least(begun_at, module_completed_at) as begun_at,
        stood_at,
        module_completed_at as completed_at,
        active_us
    from known
    where module_id is not null
    union all
    select
        person_key,
        'course' as content_level,
        course_id,
        null as module_id,
        null as lesson_id,
        consent_mode,
        event_count,
        first_event_at,
        last_event_at,
        least(begun_at, module_completed_at) as begun_at,
        stood_at,
        cast(null as timestamp) as completed_at,
        active_us
    from known
),

summed as (
    select
        person_key,
        content_level,
        course_id,
        module_id,
        lesson_id,
        max(consent_mode) as consent_mode,
        sum(event_count) as event_count,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        min(begun_at) as started_at,
        max(stood_at) as stood_at,
        min(completed_at) as completed_at,
        cast(floor(sum(active_us) / 1000000) as bigint) as time_spent_seconds
    from gathered
    group by person_key, content_level, course_id, module_id, lesson_id
),

-- No catalogue is sent: a course is made of what anybody has begun in it.
parts as (
    select distinct
        content_level,
        course_id,
        module_id,
        lesson_id
    from summed
    where started_at is not null and content_level <> 'course'
),

-- A lesson outside any module is a part of its course, as a module is.
course_parts as (
    select
        course_id,
        count(case when content_level = 'lesson' then 1 end) as lesson_count,
        count(case when content_level = 'module' or module_id is null then 1 end) as part_count
    from parts
    group by course_id
),

module_parts as (
    select
        course_id,
        module_id,
        count(*) as lesson_count
    from parts
    where content_level = 'lesson' and module_id is not null
    group by course_id, module_id
),

progress_in_courses as (
    select
        person_key,
        course_id,
        count(case when content_level = 'lesson' then started_at end) as lessons_started,
        count(case when content_level = 'lesson' then completed_at end) as lessons_completed,
        count(case when content_level = 'module' or module_id is null then completed_at end)
            as parts_completed,
        max(case when content_level = 'module' or module_id is null then completed_at end)
            as last_completed_at
    from summed
    where content_level <> 'course'
    group by person_key, course_id
),

progress_in_modules as (
    select
        person_key,
        course_id,
        module_id,
        count(started_at) as lessons_started,
        count(completed_at) as lessons_completed
    from summed
    where content_level = 'lesson' and module_id is not null
    group by person_key, course_id, module_id
),

compared as (
    select
        summed.*,
        case summed.content_level
            when 'lesson' then 1
            when 'module' then coalesce(module_parts.lesson_count, 0)
            else coalesce(course_parts.lesson_count, 0)
        end as lesson_count,
        case summed.content_level
            when 'lesson' then case when summed.started_at is null then 0 else 1 end
            when 'module' then coalesce(progress_in_modules.lessons_started, 0)
            else coalesce(progress_in_courses.lessons_started, 0)
        end as lessons_started,
        case summed.content_level
            when 'lesson' then case when summed.completed_at is null then 0 else 1 end
            when 'module' then coalesce(progress_in_modules.lessons_completed, 0)
            else coalesce(progress_in_courses.lessons_completed, 0)
        end as lessons_completed,
        -- A course is completed with the last of its parts.
        case
            when summed.content_level <> 'course' then summed.completed_at
            when progress_in_courses.parts_completed = course_parts.part_count
                then progress_in_courses.last_completed_at
        end as known_completed_at
    from summed
    left join course_parts on summed.course_id = course_parts.course_id
    left join module_parts
        on
            summed.course_id = module_parts.course_id
            and summed.module_id = module_parts.module_id
    left join progress_in_courses
        on
            summed.person_key = progress_in_courses.person_key
            and summed.course_id = progress_in_courses.course_id
    left join progress_in_modules
        on
            summed.person_key = progress_in_modules.person_key
            and summed.course_id = progress_in_modules.course_id
            and summed.module_id = progress_in_modules.module_id
)

select
    person_key,
    content_level,
    course_id,
    module_id,
    lesson_id,
    consent_mode,
    cast(event_count as bigint) as event_count,
    first_event_at,
    last_event_at,
    started_at,
    stood_at,
    known_completed_at as completed_at,
    time_spent_seconds,
    cast(lesson_count as bigint) as lesson_count,
    cast(lessons_started as bigint) as lessons_started,
    cast(lessons_completed as bigint) as lessons_completed
from compared
where {{ is_touched('everything') }}
