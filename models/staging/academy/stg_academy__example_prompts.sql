with example_prompts as (
    select * from {{ source('academy', 'example_prompts') }}
),

newest as (
    select *
    from example_prompts
    qualify
        row_number() over (
            partition by example_prompt_id
            order by received_at desc, load_id desc, line desc, item desc
        ) = 1
)

select
    -- keys
    example_prompt_id,

    -- what it is
    title,
    prompt_text,
    category,
    grade_level,
    example_type,

    -- numbers
    use_count,

    -- yes or no
    is_active,

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
