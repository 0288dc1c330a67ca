with materials as (
    select * from {{ source('studyin', 'materials') }}
),

newest as (
    select *
    from materials
    qualify
        row_number() over (
            partition by material_id
            order by received_at desc, load_id desc, line desc, item desc
        ) = 1
)

select
    -- keys
    material_id,
    topic_id,

    -- what it is
    material_name,

    -- numbers
    page_count,

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
