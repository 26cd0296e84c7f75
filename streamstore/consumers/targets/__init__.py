"""What a mapping invokes: a function in this process, a command, a Lambda endpoint, a webhook.

    target      what an invocation and its outcomes are, and what a target must do
    python      a callable of this process, with Lambda's context object
    logs        the end of what a function said, where somebody wants to know
    command     a program: JSON on stdin, JSON on stdout
    exchange    one bounded HTTP request and its reply
    endpoint    an HTTP endpoint that speaks the Lambda Invoke API
    webhook     an HTTP endpoint that takes the event itself
    specs       which target a text names, as flags and configuration spell it

A target knows nothing of streams, batches, retries or mappings: an event goes in, an outcome comes
out. It never raises for what its function did; `delivery` decides what an outcome means.
"""
