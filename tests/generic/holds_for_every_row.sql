{#- The condition is true in every row; null is not true. Example:
        data_tests:
          - holds_for_every_row:
              arguments: {condition: started_at <= ended_at} -#}
{% test holds_for_every_row(model, condition) %}
    select * from {{ model }}
    where ({{ condition }}) is not true
{% endtest %}
