"""PartiQL's three operations: statements that are carried out as the operations they stand for.

    reading                  a statement's text and parameters; keys; names of tables
    writes                   INSERT, UPDATE, DELETE and EXISTS as one write of one item
    selects                  SELECT as pages of a table or index, or as one item
    next_token               where a SELECT goes on, as a text that nobody else can make
    execute_statement        one statement
    batch_execute_statement  up to 25, each by itself
    execute_transaction      up to 100, all or nothing

What a statement says is expressions/partiql's; what a write or page does is the engine's, as for
PutItem and Query: so conditions, streams, indexes, capacity and group commit are the same. Only the
names of faults differ where the service's do.
"""
