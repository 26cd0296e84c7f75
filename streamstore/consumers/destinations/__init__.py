"""Where failures go: the store's own list of them, and the destination that a mapping names.

    failure     Failure, what a mapping gave up on, and `keep`, which lists it in the store
    parcel      what destinations know of what they are sent; Result, of asynchronous invocations
    naming      the forms of a destination's name, read and checked
    aws         queues, topics and buckets, through boto3, at any endpoint
    local       a table of this store, and a file of lines

A destination gets a failure at least once: it is delivered before the checkpoint moves past the
batch, so a worker that dies between the two delivers it again. What a second delivery of the same
failure looks like is said at each destination. The list in the store is exact: `keep` writes in
the unit of the checkpoint.

Must not know: when a mapping gives up, what a failure record says (delivery builds it), or how to
invoke a function again (dead_letters does).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .failure import Failure, keep
from .naming import Named, check_destination, read_destination
from .parcel import Parcel, Result

if TYPE_CHECKING:
    from ...store import Store
    from .aws import Clients

__all__ = ["Destinations", "Failure", "Result", "check_destination", "keep"]


class Destinations:
    """Delivers failures on behalf of one open store. Thread-safe.

    `endpoints` are URLs by service ("sqs", "sns", "s3"); for the others boto3 looks at its own
    settings, such as AWS_ENDPOINT_URL_SQS.
    """

    def __init__(self, store: Store, *, endpoints: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._endpoints = dict(endpoints or {})
        self._lock = threading.Lock()
        self._clients: Clients | None = None
        self._by_kind: dict[str, Callable[[Named, Parcel], None]] = {
            "sqs": self._to_aws,
            "sns": self._to_aws,
            "s3": self._to_aws,
            "dynamodb": self._to_table,
            "file": self._to_file,
        }

    def deliver(self, destination: str, parcel: Parcel) -> None:
        """Send a failure or result there; returns when the destination has taken it.

        Raises DeliveryFailed, whose text says what to do. It may block for as long as boto3's
        bounded attempts last, so no lock may be held meanwhile.
        """
        named = read_destination(destination)
        self._by_kind[named.kind](named, parcel)

    def close(self) -> None:
        """Close what is kept open to AWS; a later delivery opens it again."""
        with self._lock:
            clients, self._clients = self._clients, None
        if clients is not None:
            clients.close()

    def _to_aws(self, named: Named, parcel: Parcel) -> None:
        from . import aws  # boto3 takes a quarter of a second to import

        with self._lock:
            clients = self._clients
            if clients is None:
                clients = self._clients = aws.Clients(self._endpoints)
        clients.deliver(named, parcel)

    def _to_table(self, named: Named, parcel: Parcel) -> None:
        from .local import to_table

        to_table(self._store, named, parcel)

    def _to_file(self, named: Named, parcel: Parcel) -> None:
        from .local import to_file

        with self._lock:
            to_file(self._store.path, named, parcel)
