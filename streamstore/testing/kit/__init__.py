"""The kit: your code through power losses and kills, and your consumer through a stream's troubles.

    trials            power_losses, crashes: a function of yours and an invariant of yours
    consumer_checker  ConsumerChecker: order, and at least once or exactly once
    watched_client    the client that a checked consumer is given
    plugin            pytest fixtures (an entry point: installed with the package)

`streamstore.testing` gives the public names. Must not know: streamstore's own campaigns.
"""
