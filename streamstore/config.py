"""The settings of one store: frozen, with the numbers of engine.md as defaults.

Values come from four places, later ones winning: the defaults here, a TOML file, STREAMSTORE_*
environment variables and flags. This module reads no file and no environment by itself; `layered`
is given what was found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import limits

SplitPolicyName = Literal["aws", "single", "manual"]
Durability = Literal["full", "normal", "off"]
RATES = ("get_records_per_second", "describe_stream_per_second", "list_streams_per_second")


@dataclass(frozen=True, slots=True)
class TableSettings:
    """What may differ for one table. None means the store's own value."""

    split_policy: SplitPolicyName | None = None
    first_partitions: int | None = None
    open_shards_max: int | None = None
    retention_seconds: int | None = None  # 0 keeps the records for ever


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a store. Seconds, bytes and counts as the names say."""

    region: str = "us-east-1"
    account: str = "000000000000"
    isolate_regions: bool = False
    durability: Durability = "full"
    # A checksum in every page, for a file that is made anew; demanded of one that is there.
    checksum: bool = False
    split_policy: SplitPolicyName = "aws"
    first_partitions: int | None = None
    open_shards_max: int = limits.OPEN_SHARDS_DEFAULT_MAX
    # How long records are kept, those of a table's dead streams too; 0 keeps them for ever.
    retention_seconds: int = limits.RETENTION_SECONDS_DEFAULT
    rollover_seconds: int = limits.ROLLOVER_SECONDS
    transition_seconds: float = 0.0
    # Of streams, as the service throttles them; 0 means no bound (engine/pacing).
    shard_readers_max: int = 0
    get_records_per_second: float = 0.0
    describe_stream_per_second: float = 0.0
    list_streams_per_second: float = 0.0
    background: bool = True
    enable_control: bool = False  # a store of tests: it may be reset, and be controlled from afar
    tables: Mapping[str, TableSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.split_policy not in ("aws", "single", "manual"):
            raise ValueError(
                f"split_policy must be 'aws', 'single' or 'manual', not {self.split_policy!r}"
            )
        if self.durability not in ("full", "normal", "off"):
            raise ValueError(
                f"durability must be 'full', 'normal' or 'off', not {self.durability!r}"
            )
        if not 1 <= self.open_shards_max <= limits.OPEN_SHARDS_HARD_MAX:
            raise ValueError(f"open_shards_max must lie in 1..{limits.OPEN_SHARDS_HARD_MAX}")
        retentions = [own.retention_seconds for own in self.tables.values()]
        for seconds in (self.retention_seconds, *retentions):
            if seconds is not None and seconds < 0:
                raise ValueError("retention_seconds must not be negative; 0 keeps records for ever")
        for name in ("shard_readers_max", *RATES):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must not be negative; 0 means no bound")

    def table(self, name: str) -> TableSettings:
        """The settings of one table, with the store's own values filled in."""
        own = self.tables.get(name, TableSettings())
        return TableSettings(
            split_policy=own.split_policy or self.split_policy,
            first_partitions=own.first_partitions or self.first_partitions,
            open_shards_max=own.open_shards_max or self.open_shards_max,
            retention_seconds=(
                self.retention_seconds if own.retention_seconds is None else own.retention_seconds
            ),
        )


def layered(*layers: Mapping[str, Any]) -> Settings:
    """Settings from several mappings, later ones winning; unknown names raise ValueError."""
    known = {f.name: f for f in dataclasses.fields(Settings)}
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; known are {', '.join(sorted(known))}")
            merged[name] = value
    return Settings(**merged)
