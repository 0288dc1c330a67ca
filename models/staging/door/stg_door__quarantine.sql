with quarantine as (
    select * from {{ source('door', 'quarantine') }}
)

select
    -- keys
    load_id,

    -- where it stands
    source as source_app,
    stream,
    file,
    line,
    item,

    -- what is wrong
    reason,
    detail,

    -- what it looked like
    length,
    hash,
    shape
from quarantine
