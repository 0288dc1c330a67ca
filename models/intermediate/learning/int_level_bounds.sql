with levels as (
    select * from {{ ref('levels') }}
)

select
    level,
    xp_required,
    lead(xp_required) over (order by level) as next_xp_required
from levels
