{#- The seed says what a funnel is; else the message names row and column, as that of the models does,
    which are skipped when a test of the seed fails. Example:
        data_tests: [funnels_are_defined] -#}
{% test funnels_are_defined(model) %}
    {%- do funnels() -%}
    select 1 as problem from {{ model }} where false
{% endtest %}
