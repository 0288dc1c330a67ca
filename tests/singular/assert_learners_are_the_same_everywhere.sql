-- Whoever consents and was seen in the study app has her row in each of these tables, and nobody
-- else has; where they say the same thing, they say the same.
with seen as (
    select distinct person_key
    from {{ ref('int_person_days') }}
    where source_app = 'studyin' and consent_mode = 'full'
)

select coalesce(seen.person_key, progress.person_key, metrics.person_key) as person_key
from seen
full outer join {{ ref('gamification_progress') }} as progress
    on seen.person_key = progress.person_key
full outer join {{ ref('user_learning_metrics') }} as metrics
    on seen.person_key = metrics.person_key
where
    seen.person_key is null
    or progress.person_key is null
    or metrics.person_key is null
    or progress.longest_streak <> metrics.longest_streak
    or progress.current_streak <> metrics.current_streak
