with load_ledger as (
    select * from {{ source('door', 'load_ledger') }}
)

select
    -- keys
    load_id,

    -- which file
    source as source_app,
    stream,
    file,
    sha256,
    format,
    size_bytes,

    -- what became of it
    status,
    reason,

    -- numbers
    line_count,
    landed_count,
    duplicate_count,
    quarantined_count,
    blank_count,

    -- times
    received_at,
    started_at,
    finished_at,

    -- read how
    key_id,
    read_with
from load_ledger
