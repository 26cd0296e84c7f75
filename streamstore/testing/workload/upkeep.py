"""Steps of time and of the file: expiry, trims, checkpoints, copies, consumers, other lives."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Final

from ...storage import copies, maintenance, statements_consumers
from .. import statements
from ..model import Item, Model
from .life import Life
from .step import Drawn, Step, nothing

MAPPING_ID: Final = 1
_DAY_AND_MORE: Final = 25 * 3600.0


class Upkeep(Drawn):
    """What happens to a store beside its writes."""

    def ttl(self) -> Step:
        """An attribute tells from now on when an item ends; one item has one."""

        def act(life: Life) -> None:
            specification = {"Enabled": True, "AttributeName": "ends"}
            life.call("UpdateTimeToLive", TableName="north", TimeToLiveSpecification=specification)

        return Step("ttl", act, nothing)

    def expire(self) -> Step:
        """An item that ends soon."""
        item = self._item(self._fresh("north"))
        self._ending = str(item["id"]["S"])

        def with_end(now_ms: int) -> Item:
            return {**item, "ends": {"N": str(now_ms // 1000 + 30)}}

        def act(life: Life) -> None:
            life.call("PutItem", TableName="north", Item=with_end(life.clock.now_ms()))

        def learn(model: Model, now_ms: int) -> None:
            model.tables["north"].put(now_ms, with_end(now_ms))

        return Step("expire", act, learn)

    def lapse(self) -> Step:
        """The tick that ends it."""
        key = self._ending

        def act(life: Life) -> None:
            life.clock.advance(120)
            life.tick()

        def learn(model: Model, now_ms: int) -> None:
            model.tables["north"].delete(now_ms, key)

        return Step("lapse", act, learn)

    def trim(self) -> Step:
        """A day later: older records go, shards roll over, closed ones are forgotten."""

        def act(life: Life) -> None:
            life.clock.advance(_DAY_AND_MORE)
            life.tick()

        return Step("trim", act, nothing)

    def checkpoint(self) -> Step:
        """The log moved into the file."""

        def act(life: Life) -> None:
            assert life.store.maintenance is not None
            life.store.maintenance.checkpoint()

        return Step("checkpoint", act, nothing)

    def compact(self) -> Step:
        """Free pages given back, the log truncated."""
        return Step("compact", lambda life: life.store.compact(), nothing)

    def consume(self) -> Step:
        """A consumer's checkpoint and an item it writes, in one unit."""
        shard, sequence = self._random.randrange(1, 3), self._number
        self._number += 1

        def act(life: Life) -> None:
            def unit(group: Any) -> None:
                group.tx.run(statements.MAPPING_ONCE, (MAPPING_ID,))
                row = (MAPPING_ID, shard, sequence, None, None)
                group.tx.run(statements_consumers.CHECKPOINT_SET, row)

            life.store.writer.run(unit)

        def learn(model: Model, _: int) -> None:
            model.checkpoints[MAPPING_ID, shard] = sequence

        return Step("consume", act, learn)

    def copy(self) -> Step:
        """A compact copy beside the store."""

        def act(life: Life) -> None:
            target = life.path + ".copy"
            with suppress(FileNotFoundError):
                os.unlink(target)
            maintenance.vacuum_into(life.path, target)

        return Step("copy", act, nothing)

    def backup(self) -> Step:
        """A verified backup beside the store, over the last one."""

        def act(life: Life) -> None:
            copies.back_up(life.path, life.path + ".backup", force=True)

        return Step("backup", act, nothing)

    def reopen(self) -> Step:
        """Closed in order, and opened again."""

        def act(life: Life) -> None:
            life.close()
            assert life.store.latched is None

        return Step("reopen", act, nothing)

    def die_idle(self) -> Step:
        """Closed in order, opened, killed before anything is written, and opened again."""

        def act(life: Life) -> None:
            life.close()
            assert life.store.latched is None
            life.die()
            assert life.store.latched is None

        return Step("die-idle", act, nothing)

    def die(self) -> Step:
        """Killed, and opened again."""

        def act(life: Life) -> None:
            life.die()
            assert life.store.latched is None

        return Step("die", act, nothing)
