with questions as (
    select * from {{ source('studyin', 'questions') }}
),

newest as (
    select *
    from questions
    qualify
        row_number() over (
            partition by question_id
            order by received_at desc, load_id desc, line desc, item desc
        ) = 1
)

select
    -- keys
    question_id,
    topic_id,

    -- what it is
    question_type,
    difficulty,
    correct_answer,

    -- times
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from newest
