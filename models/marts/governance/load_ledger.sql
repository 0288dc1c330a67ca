with ledger as (
    select * from {{ ref('stg_door__load_ledger') }}
)

select
    load_id,
    source_app,
    stream,
    file,
    sha256,
    status,
    reason,
    format,
    size_bytes,
    line_count,
    landed_count,
    duplicate_count,
    quarantined_count,
    blank_count,
    received_at,
    started_at,
    finished_at
from ledger
