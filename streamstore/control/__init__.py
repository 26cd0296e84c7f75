"""Control for testers: what makes a store do on demand what a service does when it likes.

The room stands between operations and the store. `rules` says which requests are hit, `targets`
what a request is about, `injection` what becomes of its plan; `control` moves the clock, shards,
horizons and iterators by the engine's own units; `scenarios` are named troubles for consumers,
made of both; `verbs` is the same as requests, for the doors on the command line and in the server.

A store without rules doesn't notice this room: a request costs it one attribute test.
"""
