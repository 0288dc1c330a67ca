with quarantined as (
    select * from {{ ref('stg_door__quarantine') }}
)

select
    load_id,
    source_app,
    stream,
    file,
    line,
    item,
    reason,
    detail,
    length,
    hash,
    -- A masked address still looks like one, and a version that holds one is not published.
    replace(shape, '@', '?') as shape
from quarantined
