with sketches as (
    select * from {{ source('sketchychain', 'sketches') }}
),

newest as (
    select *
    from sketches
    qualify
        row_number() over (
            partition by sketch_id
            order by
                last_modified desc nulls last,
                received_at desc,
                load_id desc,
                line desc,
                item desc
        ) = 1
)

select
    -- keys
    sketch_id,
    creator_user_key,

    -- numbers
    collaborator_count,
    prompt_count,
    view_count,
    complexity_score,

    -- times
    creation_time,
    last_modified,
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from newest
