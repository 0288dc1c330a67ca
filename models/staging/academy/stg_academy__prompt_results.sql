with prompt_results as (
    select * from {{ source('academy', 'prompt_results') }}
),

newest as (
    select *
    from prompt_results
    qualify
        row_number() over (
            partition by result_id
            order by
                generated_at desc nulls last,
                received_at desc,
                load_id desc,
                line desc,
                item desc
        ) = 1
)

select
    -- keys
    result_id,
    prompt_id,

    -- what it says
    result_text,

    -- times
    generated_at,
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from newest
