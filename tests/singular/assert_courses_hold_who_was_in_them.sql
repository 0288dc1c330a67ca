-- The people of a lesson, a module or a course are those whose events name it, counted afresh from
-- events: a join on ids that may be null loses or doubles them without a word. What is stopped or
-- left in a course is stopped or left in one of its lessons.
with in_courses as (
    select
        person_key,
        consent_mode,
        event_name,
        course_id,
        module_id,
        lesson_id
    from {{ ref('events') }}
    where
        -- Courses are the academy's; another app's may not be like them.
        source_app = 'academy'
        and course_id is not null
        and is_activity
        and not is_clock_skewed
),

of_events as (
    select
        'lesson' as content_level,
        course_id,
        coalesce(module_id, '') as module_id,
        lesson_id,
        count(distinct person_key) as people_seen,
        count(
            distinct case
                when event_name in ('LESSON_START', 'LESSON_COMPLETE') then person_key
            end
        ) as people_started,
        count(distinct case when event_name = 'LESSON_COMPLETE' then person_key end)
            as people_completed,
        count(*) as event_count
    from in_courses
    where lesson_id is not null
    group by course_id, coalesce(module_id, ''), lesson_id
    union all
    select
        'module' as content_level,
        course_id,
        module_id,
        '' as lesson_id,
        count(distinct person_key) as people_seen,
        count(
            distinct case
                when event_name in ('LESSON_START', 'LESSON_COMPLETE', 'MODULE_COMPLETE')
                    then person_key
            end
        ) as people_started,
        count(distinct case when event_name = 'MODULE_COMPLETE' then person_key end)
            as people_completed,
        count(*) as event_count
    from in_courses
    where module_id is not null
    group by course_id, module_id
),

of_stats as (
    select
        content_level,
        course_id,
        coalesce(module_id, '') as module_id,
        coalesce(lesson_id, '') as lesson_id,
        people_seen,
        people_started,
        people_completed,
        event_count
    from {{ ref('course_content_stats') }}
    where content_level <> 'course'
),

ends_by_level as (
    select
        course_id,
        sum(case when content_level = 'course' then stopped_count else 0 end) as of_course,
        sum(case when content_level = 'lesson' then stopped_count else 0 end) as of_lessons,
        sum(case when content_level = 'course' then drop_off_count else 0 end) as left_course,
        sum(case when content_level = 'lesson' then drop_off_count else 0 end) as left_lessons
    from {{ ref('course_content_stats') }}
    group by course_id
),

disagreeing as (
    select
        of_events.content_level,
        of_events.course_id,
        of_events.module_id,
        of_events.lesson_id
    from of_events
    left join of_stats
        on
            of_events.content_level = of_stats.content_level
            and of_events.course_id = of_stats.course_id
            and of_events.module_id = of_stats.module_id
            and of_events.lesson_id = of_stats.lesson_id
    where
        of_events.people_started > 0
        and (
            of_events.people_seen is distinct from of_stats.people_seen
            or of_events.people_started is distinct from of_stats.people_started
            or of_events.people_completed is distinct from of_stats.people_completed
            or of_events.event_count is distinct from of_stats.event_count
        )
    union all
    select
        'ends' as content_level,
        course_id,
        null as module_id,
        null as lesson_id
    from ends_by_level
    where of_course <> of_lessons or left_course <> left_lessons
)

select * from disagreeing
