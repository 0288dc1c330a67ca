-- What should each learner work on next?
--
-- The most urgent gap of each, of those that rest on nothing else that is missing, and what the
-- model expects today. A topic that nobody has touched is expected to go as it would for somebody
-- of the same ability who never practised: a guess, not a finding. Who has no gap has no row.

with knowledge_gaps as (
    select * from {{ ref('knowledge_gaps') }}
),

ranked as (
    select
        *,
        row_number() over (partition by person_key order by priority desc, topic_id asc) as urgency
    from knowledge_gaps
    where is_root_gap
)

select
    person_key,
    topic_id,
    gap_type,
    priority,
    expected_score,
    reason
from ranked
where urgency = 1
order by priority desc, person_key asc
