with chunks as (
    select * from {{ source('studyin', 'chunks') }}
),

newest as (
    select *
    from chunks
    qualify
        row_number() over (
            partition by chunk_id
            order by received_at desc, load_id desc, line desc, item desc
        ) = 1
)

select
    -- keys
    chunk_id,
    material_id,
    topic_id,

    -- numbers
    chunk_index,

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
