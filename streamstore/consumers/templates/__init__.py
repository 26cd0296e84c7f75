"""SAM templates, CloudFormation's and serverless.yml, run on one machine.

    loading      YAML with CloudFormation's short forms, or JSON
    intrinsics   Ref, Fn::GetAtt, Fn::Sub and the other functions, as far as names need them
    variables    Serverless Framework's ${self:…} and the others
    resources    which resources there are, their names; the tables
    sources      what SAM's and Serverless's events have in common: streams, numbers, destinations
    sam          functions and events as SAM and CloudFormation spell them
    serverless   and as Serverless Framework does
    reading      a file as a Plan, whoever wrote it
    plan         tables, functions and mappings, as values
    making       a Plan made real in a store
    handlers     importing Python handlers, and again when a file changes
    environment  variables of each function's own, in one process

Room: `code` (code that stands in the template, and layers).

Must not know: the server, the command line. `streamstore dev` puts them together.
"""
