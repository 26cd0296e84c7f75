"""The forms of a destination's name.

    arn:aws:sqs:REGION:ACCOUNT:QUEUE            a standard queue: SendMessage
    arn:aws:sns:REGION:ACCOUNT:TOPIC            a standard topic: Publish
    arn:aws:s3:::BUCKET                         an object for each failure, payload included
    arn:aws:dynamodb:REGION:ACCOUNT:table/NAME  a table of this store with the hash key id (S)
    file:///folder/name.jsonl                   a line for each failure, payload included

Reading a name looks at nothing outside of it. Only files called .jsonl are written to: lines
appended to a store, or to anything else with a form of its own, would destroy it.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import Final, Literal, NamedTuple

from ...errors import DeliveryFailed, MappingInvalid

Kind = Literal["sqs", "sns", "s3", "dynamodb", "file"]

DESTINATION_CHARS_MAX: Final = 350
SUFFIX: Final = ".jsonl"

_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*)"
    r":(?P<account>[0-9]*):(?P<name>.+)"
)
_NAMES: Final = {
    "sqs": re.compile(r"[A-Za-z0-9_-]{1,80}"),
    "sns": re.compile(r"[A-Za-z0-9_-]{1,256}"),
    "s3": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "dynamodb": re.compile(r"table/[A-Za-z0-9_.-]{3,255}"),
}
_FORMS: Final = (
    "arn:aws:sqs:REGION:ACCOUNT:QUEUE, arn:aws:sns:REGION:ACCOUNT:TOPIC, arn:aws:s3:::BUCKET,"
    " arn:aws:dynamodb:REGION:ACCOUNT:table/NAME or file:///FOLDER/NAME.jsonl"
)


class Named(NamedTuple):
    """A destination's name, read. `name` is the queue's, topic's, bucket's or table's, or the
    file's path; `text` the name as it was given.
    """

    kind: Kind
    region: str
    account: str
    name: str
    text: str


def read_destination(text: str) -> Named:
    """What a destination's name means. Raises DeliveryFailed with the forms that there are."""
    if len(text) > DESTINATION_CHARS_MAX:
        raise DeliveryFailed(
            f"A destination's name has at most {DESTINATION_CHARS_MAX} characters, this one has"
            f" {len(text)}."
        )
    if text.startswith("file:"):
        return _read_file(text)
    match = _ARN.fullmatch(text)
    if match is None or match["service"] not in _NAMES:
        raise DeliveryFailed(f"{text!r} names no destination; the forms are {_FORMS}.")
    kind, name = match["service"], match["name"]
    if name.endswith(".fifo"):
        raise DeliveryFailed(
            f"{text} is a FIFO queue or topic; failures go to standard ones only. Name another."
        )
    if _NAMES[kind].fullmatch(name) is None or (kind != "s3") != bool(match["region"]):
        raise DeliveryFailed(f"{text!r} names no destination; the forms are {_FORMS}.")
    return Named(
        kind,  # type: ignore[arg-type]
        match["region"],
        match["account"],
        name.removeprefix("table/"),
        text,
    )


def check_destination(text: str) -> None:
    """Refuse a name that no failure could be delivered to; "" is no destination and passes.

    Raises MappingInvalid("destination").
    """
    if not text:
        return
    try:
        read_destination(text)
    except DeliveryFailed as error:
        raise MappingInvalid("destination", str(error)) from None


def _read_file(text: str) -> Named:
    parts = urllib.parse.urlsplit(text)
    path = urllib.parse.unquote(parts.path)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise DeliveryFailed(f"{text!r} is not a file of this machine; write file:///FOLDER/NAME.")
    if not path.startswith("/") or not path.endswith(SUFFIX) or "\0" in path:
        raise DeliveryFailed(
            f"{text!r} must be an absolute path that ends in {SUFFIX}: file:///FOLDER/NAME{SUFFIX}."
        )
    return Named("file", "", "", path, text)
