{#- What is counted of a person's events, under the names that the marts give it: one meaning in
    sessions and in days. An aggregate over rows of int_events_sessionized or int_events_attributed.
    Example:
        {{ event_measure('chunks_read') }} as chunks_read -#}
{% macro event_measure(name) -%}
    {%- set names = {
        'materials_viewed': ['MATERIAL_OPEN'],
        'materials_completed': ['MATERIAL_COMPLETE'],
        'chunks_read': ['MATERIAL_READ'],
        'annotations': ['MATERIAL_HIGHLIGHT', 'MATERIAL_NOTE', 'MATERIAL_BOOKMARK'],
        'questions_viewed': ['QUESTION_VIEW'],
        'questions_attempted': ['QUESTION_SUBMIT'],
        'quizzes_completed': ['QUIZ_COMPLETE', 'SKILL_ASSESS'],
        'ai_interactions': ['AI_QUESTION_ASKED'],
        'hints_requested': ['AI_HINT_REQUESTED'],
        'achievements_unlocked': ['ACHIEVEMENT_UNLOCKED'],
        'prompts_submitted': ['LLM_PROMPT', 'PROMPT_SUBMIT'],
        'generations': ['GENERATION_COMPLETE'],
        'sketches_created': ['SKETCH_CREATE'],
        'lessons_started': ['LESSON_START'],
        'lessons_completed': ['LESSON_COMPLETE'],
        'pause_count': ['SESSION_PAUSE'],
        'error_count': ['API_ERROR', 'CLIENT_ERROR', 'ERROR_OCCUR'],
    } -%}
    {%- if name == 'questions_correct' -%}
        count(case when event_name = 'QUESTION_SUBMIT' and is_correct then 1 end)
    {%- elif name == 'searches' -%}
        {#- What the server logs of a search is no second one. -#}
        count(case when event_name = 'SEARCH_PERFORMED' and is_deed then 1 end)
    {%- elif name == 'view_count' -%}
        count(case when is_deed and is_view then 1 end)
    {%- elif name == 'interaction_count' -%}
        count(case when is_deed and not is_view and event_category <> 'SESSION' then 1 end)
    {%- elif name == 'xp_earned' -%}
        cast(coalesce(sum(case when event_name = 'XP_EARNED' then xp_amount end), 0) as bigint)
    {%- elif name == 'reading_ms' -%}
        cast(coalesce(sum(case when event_name = 'MATERIAL_READ' then duration_ms end), 0) as bigint)
    {%- else -%}
        count(case when event_name in ('{{ names[name] | join("', '") }}') then 1 end)
    {%- endif -%}
{%- endmacro %}
