"""Every error this package raises on purpose, drawn as one tree.

    StoreError
    ├─ RequestError              the caller's; worded for the wire by operations/faults
    │  ├─ SerializationFailed    ├─ UnknownOperation      ├─ AuthenticationFailed
    │  ├─ ValidationFailed       ├─ ConditionFailed       ├─ TransactionCanceled
    │  ├─ ResourceNotFound       ├─ ResourceInUse         ├─ LimitExceeded
    │  ├─ IteratorExpired        ├─ RecordsTrimmed        ├─ IdempotencyMismatch
    │  ├─ TransactionConflict    ├─ Throttled             ├─ Injected
    │  ├─ ControlRefused         └─ DuplicateItem
    ├─ StorageError              the machine's; `retryable` says whether trying again may help
    │  ├─ Busy                   ├─ DiskFull              ├─ Corrupted
    │  ├─ Latched                ├─ FileTooNew            ├─ FileForeign
    │  ├─ FileLocked             ├─ FileUnusable          ├─ ReadOnlyStore
    │  ├─ RolledBack             ├─ OutcomeUnknown        ├─ StoreClosed
    │  ├─ SnapshotFailed         └─ TailLost
    └─ ConsumerError
       ├─ HandlerFailed          ├─ MappingInvalid        ├─ PatternInvalid
       ├─ DeliveryFailed         ├─ UnitConflict          ├─ UnitTooLarge
       ├─ LambdaFault            ├─ SinkUnavailable       ├─ SinkRefused
       └─ TemplateInvalid

Errors carry facts as attributes; the texts of the service's errors live in operations/faults, those
of ValidationFailed are the fact. An AssertionError is our own mistake and never describes input.
"""

from __future__ import annotations

from typing import Any


class StoreError(Exception):
    """Anything that streamstore raises on purpose. `retryable`: the same call may succeed later."""

    retryable: bool = False


class RequestError(StoreError):
    """The caller's mistake, or a refusal the caller must handle. Nothing was written.

    `table` is set where a call is throttled before it is planned, so that it can be counted."""

    table = ""


class SerializationFailed(RequestError):
    """A member has the wrong JSON type (spec A.2). `message` is None where there is none."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "The request could not be read.")
        self.message = message


class UnknownOperation(RequestError):
    """No operation of that name is served."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"Operation {operation!r} is not served.")
        self.operation = operation


class AuthenticationFailed(RequestError):
    """Credentials are absent, malformed or wrong (spec A.3). `code` is the service's error name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ValidationFailed(RequestError):
    """A parameter breaks a rule. `message` is the service's own text.

    `prefixed` marks the families of spec B.3, to which PutItem and UpdateItem put
    "1 validation error detected: " in front."""

    def __init__(self, message: str, *, prefixed: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.prefixed = prefixed


class ConditionFailed(RequestError):
    """A condition was false. `item` is the stored item when the caller asked for it, else None."""

    def __init__(self, item: dict[str, Any] | None = None) -> None:
        super().__init__("The conditional request failed")
        self.item = item


class DuplicateItem(RequestError):
    """An INSERT of PartiQL met an item of the same key."""


class CancellationReason:
    """Why one action of a transaction was refused: code, text and, on request, the item."""

    __slots__ = ("code", "item", "message")

    def __init__(
        self, code: str = "None", message: str | None = None, item: dict[str, Any] | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.item = item


class TransactionCanceled(RequestError):
    """A transaction was refused as a whole. `reasons` in request order, "None" for the innocent."""

    def __init__(self, reasons: list[CancellationReason]) -> None:
        super().__init__("Transaction cancelled: " + ", ".join(r.code for r in reasons))
        self.reasons = reasons


class ResourceNotFound(RequestError):
    """`kind`: "table", "described-table", "backed-up-table", "stream", "shard" or "resource"."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} not found")
        self.kind = kind
        self.name = name


class ResourceInUse(RequestError):
    """`kind`: "existing-", "created-", "updated-", "deleted-table" or "index", named by `index`."""

    def __init__(self, kind: str, name: str, index: str | None = None) -> None:
        super().__init__(f"{kind} {name!r} is in use")
        self.kind = kind
        self.name = name
        self.index = index


class LimitExceeded(RequestError):
    """A limit of the account or of a subscriber. `limit` is the service's text for it."""

    def __init__(self, limit: str, value: int | None = None) -> None:
        super().__init__(limit)
        self.limit = limit
        self.value = value


class IteratorExpired(RequestError):
    """A shard iterator is older than 15 minutes of the store's clock."""

    def __init__(self, issued_at_ms: int) -> None:
        super().__init__("The shard iterator has expired; ask for a new one.")
        self.issued_at_ms = issued_at_ms


class RecordsTrimmed(RequestError):
    """The position lies before the trim horizon. `oldest_sequence`: the oldest readable, if any."""

    def __init__(self, oldest_sequence: str | None = None) -> None:
        super().__init__("The position lies before the trim horizon; continue from TRIM_HORIZON.")
        self.oldest_sequence = oldest_sequence


class IdempotencyMismatch(RequestError):
    """A ClientRequestToken was used again with other content."""

    def __init__(self, token: str) -> None:
        super().__init__(f"ClientRequestToken {token!r} was used with other content.")
        self.token = token


class TransactionConflict(RequestError):
    """Another transaction holds the item."""

    retryable = True

    def __init__(self) -> None:
        super().__init__("Transaction is ongoing for the item")


class Throttled(RequestError):
    """More requests wait than the store's bounded queue takes, or a configured rate is exceeded."""

    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Injected(RequestError):
    """A tester's rule answers so. `code`: the service's name of it; `message`: None, the usual."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(message or f"{code}, by a tester's rule")
        self.code = code
        self.message = message


class ControlRefused(RequestError):
    """What a tester asked for can't be done on this store; the text says why."""


class StorageError(StoreError):
    """The machine's: a file, a disk, a lock."""


class Busy(StorageError):
    """Another program holds SQLite's lock on the file. Nothing was written."""

    retryable = True


class DiskFull(StorageError):
    """No space is left. Free space, then reopen the store."""


class Corrupted(StorageError):
    """SQLite found damage. `detail` is its own text."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The store file is damaged: {detail}. Restore a backup, or run a check on a copy."
        )
        self.detail = detail


class Latched(StorageError):
    """What is on disk is unknown since `cause`: reads go on, writes are refused until a reopen."""

    def __init__(self, cause: BaseException) -> None:
        told = str(cause).rstrip(".")
        # Some causes say themselves what to do.
        after = "" if isinstance(cause, TailLost | DiskFull) else " Close and open it again."
        super().__init__(f"The store refuses writes since this happened: {told}.{after}")
        self.cause = cause


class TailLost(StorageError):
    """Commits are gone that were durable. `found`, `marked`: the store's counter now and before."""

    def __init__(self, found: int, marked: int) -> None:
        super().__init__(
            f"the file's counter is {found}, but its owner had committed up to {marked}: the end of"
            " the log was lost, or an older copy was put in its place. Restore a backup, or accept"
            " it as it is with `streamstore restore --adopt`"
        )
        self.found = found
        self.marked = marked


class FileTooNew(StorageError):
    """The file was written by a newer streamstore. `found` and `known` are schema revisions."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"The file has schema revision {found}, this streamstore knows up to {known}: "
            "upgrade streamstore."
        )
        self.found = found
        self.known = known


class FileForeign(StorageError):
    """The file is not a streamstore file; it was left untouched."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} is {what}, not a streamstore file; choose another path.")
        self.path = path


class FileLocked(StorageError):
    """Another process, or another Store of this one, owns the file. `owner`: its pid and URL."""

    def __init__(self, path: str, owner: str) -> None:
        super().__init__(
            f"{path} is owned by {owner}. Use its endpoint, close it, or open the file with "
            "read_only=True."
        )
        self.path = path
        self.owner = owner


class FileUnusable(StorageError):
    """The path can't hold a store: no permission, no folder, a read-only or network file system."""


class ReadOnlyStore(StorageError):
    """A write met a store that was opened with read_only=True."""

    def __init__(self) -> None:
        super().__init__("This store was opened with read_only=True; writes go to its owner.")


class RolledBack(StorageError):
    """The group was rolled back before COMMIT was issued: nothing was written; try again."""

    retryable = True


class OutcomeUnknown(StorageError):
    """COMMIT itself failed or its leader died: the write is wholly there or absent; read it."""


class StoreClosed(StorageError):
    """The store was closed, or this process was forked from its opener: open it again."""


_SNAPSHOT_ENDS = {
    "deadline": "The snapshot was open for longer than 10 minutes and was ended; take another one.",
    "wal": "The snapshot kept the write-ahead log from shrinking until it passed 1 GiB, and was"
    " ended; take another one when less is written.",
    "memory": "The table is too large to be copied in memory (256 MiB); keep the store in a file.",
    "closed": "The snapshot was closed.",
}


class SnapshotFailed(StorageError):
    """A snapshot can't be read. `bound` says why: "deadline", "wal", "memory" or "closed"."""

    def __init__(self, bound: str) -> None:
        super().__init__(_SNAPSHOT_ENDS[bound])
        self.bound = bound


class ConsumerError(StoreError):
    """A consumer's: its handler or its mapping."""


class HandlerFailed(ConsumerError):
    """A handler raised. `batch` is what it was given, `cause` what it raised."""

    def __init__(self, batch: Any, cause: BaseException) -> None:
        super().__init__(f"The handler failed: {cause!r}")
        self.batch = batch
        self.cause = cause


class MappingInvalid(ConsumerError):
    """An event source mapping breaks a rule. `field` names the parameter."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class PatternInvalid(ConsumerError):
    """A filter pattern breaks the grammar. `reason` is EventBridge's own text where it has one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DeliveryFailed(ConsumerError):
    """A failure did not reach its destination. The text says why and what to do."""


class UnitConflict(ConsumerError):
    """What a unit of work had read has changed: run it again. `what`: an item, query or table."""

    retryable = True

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was changed by another write; run the unit of work again.")
        self.what = what


class UnitTooLarge(ConsumerError):
    """A unit of work is too large. `bound`: "read", "written" (items) or "bytes" of both."""

    def __init__(self, bound: str, limit: int) -> None:
        what = "bytes read and written" if bound == "bytes" else f"items {bound}"
        super().__init__(f"A unit of work has at most {limit} {what}: divide its work.")
        self.bound = bound
        self.limit = limit


class LambdaFault(ConsumerError):
    """What the Lambda API refuses: `code` names the error, `status` is the HTTP one it has."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class SinkUnavailable(ConsumerError):
    """A sink's database can't be reached just now; what is in it, its own checkpoint says."""

    retryable = True


class SinkRefused(ConsumerError):
    """A table can't be replicated so, or not into this target; the text says what to do."""


class TemplateInvalid(ConsumerError):
    """A template can't be run. `problems` are sentences, one for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
