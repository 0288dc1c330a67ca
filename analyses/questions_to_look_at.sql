-- Which questions may be faulty?
--
-- One that tells nobody apart, where the able are wrong as often as the others, may have a wrong
-- key or misleading words. Very easy and very hard ones teach little. Judged from 30 first
-- attempts on, and for telling people apart from 100: fewer say nothing, which is not a fault.

with question_items as (
    select * from {{ ref('question_items') }}
)

select
    question_id,
    topic_id,
    case
        when p_value is null then 'too few answers'
        when has_low_discrimination then 'tells nobody apart'
        when is_too_hard then 'too hard'
        when is_too_easy then 'too easy'
        else 'no fault found'
    end as finding,
    first_answer_count,
    hint_rate,
    median_seconds,
    is_flagged
from question_items
order by is_flagged desc, first_answer_count desc, question_id asc
