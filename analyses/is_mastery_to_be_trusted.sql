-- Does what the model predicts come true?
--
-- First attempts of all weeks, by tenth of the predicted chance: the two rates should be alike.
-- Tenths with few answers differ by luck. Where the whole column is off in one direction, refit
-- the model (sightline fit-mastery).

with mastery_calibration as (
    select * from {{ ref('mastery_calibration') }}
    where week_start is null and attempt_kind = 'first'
)

select
    tenth,
    attempt_count,
    predicted_rate,
    actual_rate,
    difference
from mastery_calibration
order by tenth asc
