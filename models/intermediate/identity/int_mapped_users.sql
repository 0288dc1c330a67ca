with mappings as (
    select * from {{ ref('stg_academy__user_identity_mappings') }}
    where external_user_key is not null
),

claimed as (
    select
        external_user_key as user_key,
        min(user_key) as person_key,
        count(distinct user_key) > 1 as is_claimed_twice
    from mappings
    group by external_user_key
),

claimants as (
    select distinct user_key
    from mappings
    where external_user_key <> user_key
)

select
    claimed.user_key,
    claimed.person_key,
    -- Who is claimed and claims others makes a chain, or a ring, and no end of it is the person.
    claimed.is_claimed_twice or claimants.user_key is not null as is_disputed
from claimed
left join claimants on claimed.user_key = claimants.user_key
where claimed.is_claimed_twice or claimed.user_key <> claimed.person_key
