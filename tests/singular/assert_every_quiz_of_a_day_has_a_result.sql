-- A finished quiz is one result: none is lost or doubled on the way to its person and its start.
with of_results as (
    select
        person_key,
        source_app,
        count(*) as quizzes_completed
    from {{ ref('quiz_results') }}
    group by person_key, source_app
),

of_days as (
    select
        person_key,
        source_app,
        sum(quizzes_completed) as quizzes_completed
    from {{ ref('daily_user_stats') }}
    where quizzes_completed > 0
    group by person_key, source_app
)

select *
from of_results
full outer join of_days
    on
        of_results.person_key = of_days.person_key
        and of_results.source_app = of_days.source_app
where of_results.quizzes_completed is distinct from of_days.quizzes_completed
