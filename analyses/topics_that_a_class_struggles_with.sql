-- Which topics should be taught again to everybody?
--
-- Of those who have answered enough to be judged, the share that is below the target, and why.
-- A topic that few have answered says little: look at judged_count first. Misconceptions want
-- another explanation, what is forgotten wants review, what is weak wants practice.

with topic_mastery as (
    select * from {{ ref('topic_mastery') }}
    where mastery_level is not null and mastery_level <> 'insufficient'
),

knowledge_gaps as (
    select * from {{ ref('knowledge_gaps') }}
)

select
    topic_mastery.topic_id,
    count(*) as judged_count,
    avg(case when topic_mastery.distance_to_target > 0 then 1.0 else 0.0 end) as below_target_rate,
    avg(topic_mastery.mastery_score) as average_mastery,
    count(case when knowledge_gaps.gap_type = 'misconception' then 1 end) as misconception_count,
    count(case when knowledge_gaps.gap_type = 'forgotten' then 1 end) as forgotten_count,
    count(case when knowledge_gaps.gap_type = 'weak' then 1 end) as weak_count
from topic_mastery
left join knowledge_gaps
    on
        topic_mastery.person_key = knowledge_gaps.person_key
        and topic_mastery.topic_id = knowledge_gaps.topic_id
group by topic_mastery.topic_id
order by below_target_rate desc, topic_mastery.topic_id asc
