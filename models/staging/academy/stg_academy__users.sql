with users as (
    select * from {{ source('academy', 'users') }}
),

newest as (
    select *
    from users
    qualify
        row_number() over (
            partition by user_key
            order by
                updated_at desc nulls last,
                received_at desc,
                load_id desc,
                line desc,
                item desc
        ) = 1
)

select
    -- keys
    user_key,

    -- times
    created_at,
    updated_at,
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from newest
