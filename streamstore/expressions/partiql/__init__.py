"""PartiQL as the service speaks it: a statement's text becomes what the expressions next door run.

    reserved     keywords
    tokens       text -> tokens
    reader       a place in the tokens; paths; faults with their places
    tree         nodes of statements, parameters unresolved
    grammar      tokens -> expressions
    statements   text -> statement, remembered
    literals     expressions -> attribute values
    conditions   WHERE -> a condition, and the terms of it that pin a key
    updates      SET and REMOVE -> an update
    selections   what SELECT shows of an item

A condition is translated into the tree that a ConditionExpression's text becomes, an update into
that of an UpdateExpression, and both go the same way from there: checks, compiled programs, rules
of comparison. So there is one meaning of everything. Nothing here knows tables or requests.
"""
