with prompts as (
    select * from {{ source('academy', 'prompts') }}
),

newest as (
    select *
    from prompts
    qualify
        row_number() over (
            partition by prompt_id, updated_at
            order by received_at desc, load_id desc, line desc, item desc
        ) = 1
)

select
    -- keys
    prompt_id,
    user_key,

    -- what it is
    prompt_text,

    -- numbers
    version,

    -- yes or no
    is_favorite,

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
