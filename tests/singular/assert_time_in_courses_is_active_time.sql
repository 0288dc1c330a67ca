-- Each gap is in one lesson at most: what lessons take is no more than what the app's sessions were
-- active for, and a course takes what its modules and its lessons outside any take, but for the cut
-- to whole seconds.
with of_courses as (
    select
        person_key,
        course_id,
        coalesce(sum(case when content_level = 'course' then time_spent_seconds end), 0)
            as of_course,
        coalesce(
            sum(
                case
                    when content_level = 'module' then time_spent_seconds
                    when content_level = 'lesson' and module_id is null then time_spent_seconds
                end
            ),
            0
        ) as of_parts,
        count(*) as row_count
    from {{ ref('int_person_course_content') }}
    group by person_key, course_id
),

of_days as (
    select
        sum(active_seconds) as active_seconds,
        sum(session_count) as session_count
    from {{ ref('daily_user_stats') }}
    where source_app = 'academy'
),

totals as (
    select sum(of_course) as of_course
    from of_courses
)

select
    cast(of_courses.person_key as varchar) as what,
    of_courses.of_course,
    of_courses.of_parts
from of_courses
where of_course < of_parts or of_course >= of_parts + row_count
union all
select
    'more than was active' as what,
    totals.of_course,
    of_days.active_seconds + of_days.session_count as of_parts
from totals
cross join of_days
where totals.of_course > of_days.active_seconds + of_days.session_count
