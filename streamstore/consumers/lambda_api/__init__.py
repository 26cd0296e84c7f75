"""The Lambda API as clients of event source mappings speak it, over a store's mappings.

    shapes      members of requests, their types and declared bounds
    naming      the forms of a function's name
    parameters  what a request says of a mapping, checked in the service's order
    wording     a mapping as replies show it
    paging      markers of listings
    calls       how each REST call is reached; cheap to import
    door        the REST calls, as handlers of (path, query, body)
    invoking    GetFunction and its like, and Invoke
    events      what is said of a function's asynchronous invocations

Knows no socket and no server: whoever wires a server up hands it the door's routes.
"""
