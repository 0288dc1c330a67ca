with prompt_evaluations as (
    select * from {{ source('academy', 'prompt_evaluations') }}
),

newest as (
    select *
    from prompt_evaluations
    qualify
        row_number() over (
            partition by evaluation_id
            order by
                evaluated_at desc nulls last,
                received_at desc,
                load_id desc,
                line desc,
                item desc
        ) = 1
)

select
    -- keys
    evaluation_id,
    prompt_id,

    -- what it says
    evaluation_data,

    -- times
    evaluated_at,
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from newest
