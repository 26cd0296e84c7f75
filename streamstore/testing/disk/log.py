"""The log of a disk: every operation that changes it, in the order in which they were made.

Files are nodes, as inodes are: a name is an entry of the folder that leads to a node, and both are
logged apart, since each becomes durable by a sync of its own. Names are relative to the folder.
The log knows neither SQLite nor what a power loss does (images.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["write", "truncate", "sync", "sync-failed", "entries", "sync-folder", "mark"]


class Operation(NamedTuple):
    """One operation. `node` is the file's; `entries` maps names to nodes, None where a name ends.

    `offset` is the new size of a truncate; `value` is a mark's, whatever its maker wants to find
    again.
    """

    kind: Kind
    node: int = -1
    offset: int = 0
    data: bytes = b""
    entries: Mapping[str, int | None] = {}
    value: Any = None


class Log:
    """The operations, and which names lead to which nodes now."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.names: dict[str, int] = {}
        self._nodes = 0

    def __len__(self) -> int:
        return len(self.operations)

    def node(self, name: str) -> int:
        """The node of a name; a new one, with its entry, where there was none."""
        found = self.names.get(name)
        if found is None:
            found = self._nodes
            self._nodes += 1
            self._bind({name: found})
        return found

    def adopt(self, name: str) -> int:
        """A file that is durable already, name and content: nothing is logged."""
        assert name not in self.names
        node = self.names[name] = self._nodes
        self._nodes += 1
        return node

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Bytes written at an offset."""
        self.operations.append(Operation("write", self.node(name), offset, data))

    def truncate(self, name: str, size: int) -> None:
        """The file's size set, either way."""
        self.operations.append(Operation("truncate", self.node(name), size))

    def sync(self, name: str, *, failed: bool = False) -> None:
        """The file synced: what was written before is durable. `failed`: nobody knows."""
        node = self.node(name)
        self.operations.append(Operation("sync-failed" if failed else "sync", node))

    def unlink(self, name: str) -> None:
        """The name ends."""
        if name in self.names:
            self._bind({name: None})

    def rename(self, old: str, new: str) -> None:
        """One step: the old name ends, the new one leads to its node."""
        self._bind({old: None, new: self.node(old)})

    def link(self, old: str, new: str) -> None:
        """A second name."""
        self._bind({new: self.node(old)})

    def sync_folder(self) -> None:
        """Every entry made so far is durable."""
        self.operations.append(Operation("sync-folder"))

    def mark(self, value: Any) -> None:
        """Something that whoever reads the log wants to find at this place."""
        self.operations.append(Operation("mark", value=value))

    def _bind(self, entries: dict[str, int | None]) -> None:
        for name, node in entries.items():
            if node is None:
                self.names.pop(name, None)
            else:
                self.names[name] = node
        self.operations.append(Operation("entries", entries=entries))
