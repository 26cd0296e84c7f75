"""A client in the shape of boto3's over a Store in this process: no sockets, no signatures.

client.py       the methods, by botocore's names, and what their replies add
exceptions.py   what they raise
paging.py       paginators
waiting.py      waiters

Code written for `boto3.client("dynamodb")` runs on `store.client`, and the DynamoDB Streams calls
of `boto3.client("dynamodbstreams")` are on the same object. What differs: binary values come back
as bytes, times as aware datetimes in UTC, and waiters poll every tenth of a second, since nothing
is far away. This room knows operations by name only; it checks and words nothing itself.
"""

from .client import Caller, Client, Params, Reply
from .exceptions import ClientError, ParamValidationError, WaiterError

__all__ = [
    "Caller",
    "Client",
    "ClientError",
    "ParamValidationError",
    "Params",
    "Reply",
    "WaiterError",
]
