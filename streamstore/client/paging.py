"""Paginators: all pages of a call, one after the other, as botocore's.

They know for each pageable method where it takes up and where it left off; what a page is and how
long, the operation decides. `search` of botocore's page iterators is left out: it needs jmespath.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Params = dict[str, Any]
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Paged:
    """How one method pages: where it takes up, where it left off, what it lists and adds up."""

    start: str
    last: str
    listed: str
    limit: str | None = "Limit"
    summed: tuple[str, ...] = ()


_COUNTS = ("Count", "ScannedCount")
PAGED = {
    "list_streams": Paged("ExclusiveStartStreamArn", "LastEvaluatedStreamArn", "Streams"),
    "list_tables": Paged("ExclusiveStartTableName", "LastEvaluatedTableName", "TableNames"),
    "list_tags_of_resource": Paged("NextToken", "NextToken", "Tags", limit=None),
    "query": Paged("ExclusiveStartKey", "LastEvaluatedKey", "Items", summed=_COUNTS),
    "scan": Paged("ExclusiveStartKey", "LastEvaluatedKey", "Items", summed=_COUNTS),
}


class Paginator:
    """The pages of a method, call by call."""

    def __init__(self, method: Callable[..., Reply], paged: Paged) -> None:
        self._method = method
        self._paged = paged

    def paginate(
        self,
        *,
        PaginationConfig: Params | None = None,  # noqa: N803 - the name is botocore's
        **params: Any,
    ) -> PageIterator:
        """The pages for these parameters. PaginationConfig: MaxItems, PageSize, StartingToken."""
        return PageIterator(self._method, self._paged, params, PaginationConfig or {})


class PageIterator:
    """The pages of one call. Each iteration starts anew; MaxItems leaves a `resume_token`."""

    def __init__(
        self, method: Callable[..., Reply], paged: Paged, params: Params, config: Params
    ) -> None:
        self._method = method
        self._paged = paged
        self._params = dict(params)
        if config.get("PageSize") is not None and paged.limit is not None:
            self._params[paged.limit] = int(config["PageSize"])
        entries_max = config.get("MaxItems")
        self._entries_max = None if entries_max is None else int(entries_max)
        self._skip = 0
        if config.get("StartingToken") is not None:
            start, self._skip = _token_read(config["StartingToken"])
            if start is not None:
                self._params[paged.start] = start
        self.resume_token: str | None = None

    def __iter__(self) -> Iterator[Reply]:
        paged, params, skip = self._paged, dict(self._params), self._skip
        left = self._entries_max
        self.resume_token = None
        while True:
            page = self._method(**params)
            listed = page.get(paged.listed)
            if listed is not None and skip:
                page[paged.listed] = listed = listed[skip:]
            last = page.get(paged.last)
            if left is not None and listed is not None:
                if len(listed) > left:
                    page[paged.listed] = listed[:left]
                    self.resume_token = _token(params.get(paged.start), skip + left)
                    yield page
                    return
                left -= len(listed)
                if left == 0 and last is not None:
                    self.resume_token = _token(last, 0)
                    yield page
                    return
            yield page
            if last is None:
                return
            params[paged.start] = last
            skip = 0

    def build_full_result(self) -> Reply:
        """All pages as one: lists joined, counts added, NextToken if MaxItems cut it short."""
        paged = self._paged
        whole: Reply = {paged.listed: []}
        for page in self:
            whole[paged.listed] += page.get(paged.listed, [])
            for name in paged.summed:
                whole[name] = whole.get(name, 0) + page.get(name, 0)
        if self.resume_token is not None:
            whole["NextToken"] = self.resume_token
        return whole


def _token(start: Any, skip: int) -> str:
    """Where to take up: the start of a page, and how many of its entries were given already."""
    text = json.dumps(
        [start, skip], default=lambda blob: {"base64": base64.b64encode(blob).decode()}
    )
    return base64.b64encode(text.encode()).decode()


def _token_read(token: str) -> tuple[Any, int]:
    def revived(part: Params) -> Any:
        # A key attribute has a type between its name and its text, so only blobs look like this.
        if part.keys() == {"base64"} and isinstance(part["base64"], str):
            return base64.b64decode(part["base64"])
        return part

    try:
        start, skip = json.loads(base64.b64decode(token, validate=True), object_hook=revived)
        return start, int(skip)
    except (ValueError, TypeError):
        raise ValueError(f"Bad starting token: {token}") from None
