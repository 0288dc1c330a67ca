with anonymous_tracking_profiles as (
    select * from {{ source('academy', 'anonymous_tracking_profiles') }}
),

newest as (
    select *
    from anonymous_tracking_profiles
    qualify
        row_number() over (
            partition by profile_id
            order by last_seen desc nulls last, received_at desc, load_id desc, line desc, item desc
        ) = 1
)

select
    -- keys
    profile_id,
    anonymous_key,
    user_key,

    -- times
    first_seen,
    last_seen,
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from newest
