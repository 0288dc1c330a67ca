with topics as (
    select * from {{ source('studyin', 'topics') }}
),

newest as (
    select *
    from topics
    qualify
        row_number() over (
            partition by topic_id
            order by received_at desc, load_id desc, line desc, item desc
        ) = 1
)

select
    -- keys
    topic_id,

    -- what it is
    topic_name,
    level,

    -- numbers
    importance,

    -- lists
    prerequisites,

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
