with mappings as (
    select * from {{ ref('stg_academy__user_identity_mappings') }}
)

select
    external_user_key as user_key,
    min(user_key) as person_key,
    count(distinct user_key) > 1 as is_disputed
from mappings
where external_user_key is not null
group by external_user_key
