{{ config(materialized='incremental', unique_key='everything') }}

{#- Sums that fade with each answer are taken in blocks of so many: within one the weights are
    powers that a whole number can hold. What more blocks than these carry is below the last bit. -#}
{%- set block, carried_blocks = 64, 12 -%}
{#- All rows are sorted four times. What they carry along decides how long that takes, and in how
    much memory: so numbers stand for keys. -#}
{%- set kept = [
    'attempt_key', 'person_number', 'topic_number', 'occurred_us', 'is_first_attempt', 'is_correct',
    'hint_used', 'confidence_level', 'is_profiled', 'is_rapid_guess', 'weight', 'question_rate',
] -%}
{%- set learner_kept = [
    'learner_place', 'learner_skill', 'learner_recent_skill', 'learner_skill_after',
    'learner_recent_skill_after',
] -%}
{%- set success = 'case when is_correct and not hint_used then 1 else 0 end' -%}
{%- set levels = [
    {
        'name': 'learner',
        'from': 'judged',
        'kept': kept,
        'of': ['person_number'],
        'order': 'occurred_us, attempt_key',
        'decay': 'coefficients.ability_decay',
        'expected': 'question_rate',
        'known': [
            'learner_expected', 'learner_place', 'learner_error_sum', 'learner_information_sum',
        ],
    },
    {
        'name': 'topic',
        'from': 'learner_known',
        'kept': kept + learner_kept,
        'of': ['person_number', 'topic_number'],
        'order': 'learner_place',
        'decay': 'coefficients.topic_decay',
        'expected': logistic(logit('question_rate') ~ ' + learner_skill'),
        'known': [
            'topic_expected', 'topic_place', 'topic_error_sum', 'topic_information_sum',
            'topic_last_us', 'topic_evidence',
        ],
    },
] -%}

with attempts as (
    select
        *,
        coalesce(topic_id, '') as topic_key,
        {{ epoch_us('attempted_at') }} as occurred_us
    from {{ ref('question_attempts') }}
),

coefficients as (
    select * from {{ ref('int_mastery_coefficients') }}
),

question_days as (
    select * from {{ ref('int_question_days') }}
),

topic_days as (
    select
        *,
        dense_rank() over (order by topic_key) as topic_number
    from {{ ref('int_topic_days') }}
),

-- Not from `attempts`: what is read twice is kept whole.
persons as (
    select
        person_key,
        cast(row_number() over (order by person_key) as integer) as person_number
    from {{ ref('question_attempts') }}
    group by person_key
),

topics as (
    select distinct
        topic_number,
        topic_key
    from topic_days
),

-- All of these are there for every answer. Inner joins would be turned round: all questions of a
-- day with all topics of that day first.
rated as (
    select
        attempts.attempt_key,
        persons.person_number,
        cast(topic_days.topic_number as integer) as topic_number,
        attempts.occurred_us,
        attempts.is_first_attempt,
        attempts.is_correct,
        attempts.hint_used,
        attempts.confidence_level,
        attempts.consent_mode <> 'anonymous' as is_profiled,
        coalesce(attempts.time_to_answer_seconds < question_days.rapid_below_seconds, false)
            as is_rapid_guess,
        {{ smoothed_rate(
            'question_days.earlier_correct_count', 'question_days.earlier_count',
            'coefficients.question_prior_answers', 'topic_days.success_rate'
        ) }} as question_rate
    from attempts
    left join question_days
        on
            attempts.question_id = question_days.question_id
            and attempts.attempt_date = question_days.attempt_date
    left join persons on attempts.person_key = persons.person_key
    left join topic_days
        on
            attempts.topic_key = topic_days.topic_key
            and attempts.attempt_date = topic_days.attempt_date
    cross join coefficients
),

judged as (
    select
        rated.*,
        case
            when rated.is_rapid_guess then 0
            when rated.is_first_attempt then 1
            else coefficients.repeat_weight
        end as weight
    from rated
    cross join coefficients
),

-- First what is known of the learner, then of the learner in the topic, against what the first
-- already says. Each is a sum of errors over a sum of information, once plain and once fading.
{% for level in levels %}
    {% set name, group = level.name, level.of | join(', ') %}
    {% set placed, blocks, within = name ~ '_placed', name ~ '_blocks', name ~ '_within' %}
    {% set error = 'weight * (' ~ success ~ ' - ' ~ name ~ '_expected)' %}
    {% set information = 'weight * ' ~ name ~ '_expected * (1 - ' ~ name ~ '_expected)' %}
    {% set rising = 'power(' ~ level.decay ~ ', -' ~ name ~ '_in_block)' %}
    {{ name }}_expecting as (
        select
            *,
            {{ level.expected }} as {{ name }}_expected
        from {{ level.from }}
    ),

    {{ name }}_ordered as (
        select
            {{ level.kept | join(', ') }},
            {{ name }}_expected,
            cast(row_number() over whole - 1 as integer) as {{ name }}_place,
            cast(count(*) over entire as integer) as {{ name }}_count,
            {% if name == 'topic' %}
                lag(occurred_us) over whole as topic_last_us,
                coalesce({{ from_units('sum(' ~ units('weight') ~ ') over earlier') }}, 0)
                    as topic_evidence,
            {% endif %}
            coalesce({{ from_units('sum(' ~ units(error) ~ ') over earlier') }}, 0)
                as {{ name }}_error_sum,
            coalesce({{ from_units('sum(' ~ units(information) ~ ') over earlier') }}, 0)
                as {{ name }}_information_sum
        from {{ name }}_expecting
        window
            whole as (partition by {{ group }} order by {{ level.order }}),
            entire as (
                partition by {{ group }} order by {{ level.order }}
                rows between unbounded preceding and unbounded following
            ),
            earlier as (
                partition by {{ group }} order by {{ level.order }}
                rows between unbounded preceding and 1 preceding
            )
    ),

    {{ placed }} as (
        select
            *,
            cast(floor({{ name }}_place / {{ block }}) as integer) as {{ name }}_block,
            mod({{ name }}_place, {{ block }}) as {{ name }}_in_block
        from {{ name }}_ordered
    ),

    -- Blocks that others follow: most have a single one, and carry nothing.
    {{ blocks }} as (
        select
            {{ group }},
            {{ name }}_block,
            {% for measure, value in [('error', error), ('information', information)] %}
                {% set risen = 'sum(' ~ units(value ~ ' * ' ~ rising) ~ ')' %}
                {{ from_units(risen) }} as recent_{{ measure }}{% if not loop.last %},{% endif %}

            {% endfor %}
        from {{ placed }}
        cross join coefficients
        where {{ name }}_place < {{ name }}_count - mod({{ name }}_count - 1, {{ block }}) - 1
        group by {{ group }}, {{ name }}_block
    ),

    -- What earlier blocks carry comes before the first answer of a block.
    {{ name }}_carrying as (
        select
            {{ level.kept | join(', ') }},
            {{ level.known | join(', ') }},
            {{ name }}_block,
            {{ name }}_in_block,
            {{ units(error ~ ' * ' ~ rising) }} as error_units,
            {{ units(information ~ ' * ' ~ rising) }} as information_units
        from {{ placed }}
        cross join coefficients
        union all
        select
            {% for column in level.kept %}
                {% if column in level.of %}{{ column }}{% else %}null as {{ column }}{% endif %},
            {% endfor %}
            {% for column in level.known %}
                null as {{ column }},
            {% endfor %}
            {{ name }}_block + 1 as {{ name }}_block,
            -1 as {{ name }}_in_block,
            {% for measure in ['error', 'information'] %}
                {% set terms = [] %}
                {% for back in range(carried_blocks) %}
                    {% do terms.append(
                        'power(' ~ level.decay ~ ', ' ~ (back + 1) * block ~ ') * coalesce(lag('
                        ~ 'recent_' ~ measure ~ ', ' ~ back ~ ') over whole, 0)'
                    ) %}
                {% endfor %}
                {{ units(terms | join(' + ')) }}
                    as {{ measure }}_units{% if not loop.last %},{% endif %}

            {% endfor %}
        from {{ blocks }}
        cross join coefficients
        window whole as (partition by {{ group }} order by {{ name }}_block)
    ),

    {{ within }} as (
        select
            {{ level.kept | join(', ') }},
            {{ level.known | join(', ') }},
            coalesce({{ from_units('sum(error_units) over earlier') }}, 0) as risen_error,
            coalesce({{ from_units('sum(information_units) over earlier') }}, 0)
                as risen_information
        from {{ name }}_carrying
        window earlier as (
            partition by {{ group }}, {{ name }}_block order by {{ name }}_in_block
            rows between unbounded preceding and 1 preceding
        )
    ),

    {{ name }}_summed as (
        select
            {{ within }}.*,
            {{ error }} as {{ name }}_error,
            {{ information }} as {{ name }}_information,
            {% for measure in ['error', 'information'] %}
                power({{ level.decay }}, mod({{ within }}.{{ name }}_place, {{ block }}) - 1)
                * {{ within }}.risen_{{ measure }}
                    as {{ name }}_{{ measure }}_recent{% if not loop.last %},{% endif %}

            {% endfor %}
        from {{ within }}
        cross join coefficients
        where {{ within }}.attempt_key is not null
    ),

    -- Before the answer, and with it.
    {{ name }}_known as (
        select
            {{ name }}_summed.*,
            {{ name }}_error_sum / ({{ name }}_information_sum + coefficients.shrinkage)
                as {{ name }}_skill,
            {{ name }}_error_recent
            / ({{ name }}_information_recent + coefficients.recent_shrinkage)
                as {{ name }}_recent_skill,
            ({{ name }}_error_sum + {{ name }}_error)
            / ({{ name }}_information_sum + {{ name }}_information + coefficients.shrinkage)
                as {{ name }}_skill_after,
            ({{ name }}_error_recent * {{ level.decay }} + {{ name }}_error)
            / (
                {{ name }}_information_recent * {{ level.decay }} + {{ name }}_information
                + coefficients.recent_shrinkage
            ) as {{ name }}_recent_skill_after
        from {{ name }}_summed
        cross join coefficients
    ),
{% endfor %}

scored as (
    select
        topic_known.*,
        {{ logit('topic_known.question_rate') }} as difficulty,
        coefficients.topic * topic_known.topic_skill
        + coefficients.recent_topic * topic_known.topic_recent_skill as practised
    from topic_known
    cross join coefficients
),

faded as (
    select
        scored.*,
        case
            when scored.topic_place = 0 then 0
            else
                {{ forgotten(
                    '(scored.occurred_us - scored.topic_last_us) / 3600000000', 'scored.practised'
                ) }}
        end as forgetting
    from scored
    cross join coefficients
)

select
    faded.attempt_key,
    persons.person_key,
    topics.topic_key,
    {{ from_epoch_us('faded.occurred_us') }} as attempted_at,
    cast(faded.learner_place + 1 as bigint) as learner_attempt_number,
    cast(faded.topic_place + 1 as bigint) as topic_attempt_number,
    faded.is_correct and not faded.hint_used as is_success,
    faded.is_first_attempt,
    faded.is_correct,
    faded.hint_used,
    faded.confidence_level,
    faded.is_profiled,
    faded.is_rapid_guess,
    faded.weight,
    faded.difficulty,
    faded.learner_skill,
    faded.learner_recent_skill,
    faded.topic_skill,
    faded.topic_recent_skill,
    faded.forgetting,
    {{ logistic(
        skill_score('faded.learner_skill', 'faded.learner_recent_skill', 'faded.difficulty')
        ~ ' + faded.practised - faded.forgetting'
        ~ ' + case when faded.topic_place = 0 then coefficients.first_in_topic else 0 end'
    ) }} as predicted_rate,
    faded.learner_skill_after,
    faded.learner_recent_skill_after,
    faded.topic_skill_after,
    faded.topic_recent_skill_after,
    faded.topic_evidence + faded.weight as topic_evidence_after
from faded
left join persons on faded.person_number = persons.person_number
left join topics on faded.topic_number = topics.topic_number
cross join coefficients
where {{ is_touched('everything') }}
