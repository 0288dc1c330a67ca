{{ config(materialized='incremental', unique_key='everything') }}

with mapped_users as (
    select * from {{ ref('int_mapped_users') }}
    where not is_disputed
),

profiles as (
    select * from {{ ref('stg_academy__anonymous_tracking_profiles') }}
),

claimed as (
    select
        anonymous_key,
        min(user_key) as user_key
    from profiles
    where anonymous_key is not null and user_key is not null
    group by anonymous_key
    having count(distinct user_key) = 1
),

gathered as (
    select
        user_key as actor_key,
        'user' as actor_kind,
        person_key,
        'mapping' as linked_by
    from mapped_users
    union all
    select
        claimed.anonymous_key as actor_key,
        'unclaimed' as actor_kind,
        coalesce(mapped_users.person_key, claimed.user_key) as person_key,
        'profile' as linked_by
    from claimed
    left join mapped_users on claimed.user_key = mapped_users.user_key
)

select
    actor_key,
    actor_kind,
    person_key,
    linked_by
from gathered
where {{ is_touched('everything') }}
