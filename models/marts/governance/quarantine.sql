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
    shape
from quarantined
