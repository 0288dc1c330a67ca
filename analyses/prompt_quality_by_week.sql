-- Do people write better prompts as the weeks go by?
--
-- Average scores of the academy's evaluations, of all people; for one person's progress, let
-- `scored` select a person_key. The same people are in no two weeks, so a rise can also be that
-- the weaker writers left: evaluated_person_count says how many there were. What the evaluator
-- could not score is no zero and is left out. Weeks are those of reporting_timezone, and the last
-- one may not be over.

with events as (
    select * from {{ ref('events') }}
),

scored as (
    select
        cast({{ dbt.date_trunc('week', local_date('occurred_at')) }} as date) as week_start,
        person_key,
        cast({{ json_text('properties', 'metadata.evaluation.tonePersona.score') }} as double)
            as tone_score,
        cast({{ json_text('properties', 'metadata.evaluation.taskClarity.score') }} as double)
            as clarity_score
    from events
    where event_name = 'LLM_EVALUATION' and not is_clock_skewed
)

select
    week_start,
    count(*) as evaluation_count,
    count(distinct person_key) as evaluated_person_count,
    avg(tone_score) as average_tone_score,
    avg(clarity_score) as average_clarity_score
from scored
group by week_start
order by week_start
