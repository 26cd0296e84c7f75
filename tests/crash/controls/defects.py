"""Seeded defects: product code broken on purpose, each in one place, with the invariant that goes
with it and the hunts of which at least one must notice.

A hunt that notices nothing proves nothing, so each of the invariants I-1 to I-25 has a defect here,
and so has each thing that a durable store may not do: sync less than it says, answer before COMMIT,
believe a lying disk. `old` stands exactly once in `file`; a test holds that, so a defect can't go
stale in silence. `seed_defects.py` runs them.

    machine   the state machine of the stream's invariants, tests/properties/test_stream_invariants
    power     `streamstore torture --kind power`: images after a power loss
    kill      `streamstore torture --kind kill`: exits at every operation of the disk
    PATH      a test file, or one test of it
"""

from __future__ import annotations

from typing import Final, NamedTuple

MACHINE: Final = "machine"
POWER: Final = "power"
KILL: Final = "kill"


class Defect(NamedTuple):
    """One place of the product, broken. `hunts` are tried in order until one notices."""

    name: str
    invariant: str
    file: str
    old: str
    new: str
    hunts: tuple[str, ...]


WRITES: Final = "streamstore/engine/writes/"
STREAMS: Final = "streamstore/engine/streams/"
TABLES: Final = "streamstore/engine/tables/"
STORAGE: Final = "streamstore/storage/"

DEFECTS: Final = (
    # Durability.
    Defect(
        "synchronous NORMAL under the name of full",
        "I-1",
        STORAGE + "statements.py",
        '"full": ("synchronous", "FULL", 2)',
        '"full": ("synchronous", "NORMAL", 1)',
        (POWER,),
    ),
    Defect(
        "synchronous OFF under the name of full",
        "I-1",
        STORAGE + "statements.py",
        '"full": ("synchronous", "FULL", 2)',
        '"full": ("synchronous", "OFF", 0)',
        (POWER,),
    ),
    Defect(
        "a disk that lies: a sync returns and nothing is durable",
        "I-1",
        "streamstore/testing/disk/vfs.py",
        "        self._disk.log.sync(self._name)\n",
        "",
        (POWER,),
    ),
    Defect(
        "every unit is answered before COMMIT",
        "I-1",
        STORAGE + "writer/commit.py",
        '        failpoints.hit("group-before-commit")\n',
        '        flight.deliver()\n        failpoints.hit("group-before-commit")\n',
        ("tests/unit/storage/writer", "tests/crash/test_reply_after_sync.py"),
    ),
    Defect(
        "the numbers of a group are written in a transaction of their own",
        "I-2",
        STORAGE + "writer/commit.py",
        "        group.flush()\n",
        "        self._control.execute(statements.COMMIT)\n"
        "        self._control.execute(statements.BEGIN_IMMEDIATE)\n        group.flush()\n",
        (KILL, POWER),
    ),
    Defect(
        "a unit that fails leaves its rows behind",
        "I-3",
        STORAGE + "writer/commit.py",
        "                execute(statements.ROLLBACK_TO)\n",
        "",
        (MACHINE, "tests/unit/storage/writer"),
    ),
    Defect(
        "a unit that fails keeps its numbers",
        "I-3",
        WRITES + "group.py",
        "            if type(entry) is tuple:\n                entry[0].restore(entry)\n",
        "            if type(entry) is tuple:\n                pass\n",
        (MACHINE,),
    ),
    Defect(
        "a transaction does what it can when one of its actions is refused",
        "I-4",
        WRITES + "transact.py",
        "    if failed:\n        raise TransactionCanceled(reasons)\n",
        "    if failed and not judged:\n        raise TransactionCanceled(reasons)\n",
        (POWER, "tests/unit/engine/writes"),
    ),
    Defect(
        "what was written out of line stays when its item goes",
        "I-5",
        WRITES + "apply.py",
        "    if applied.body_id is not None:\n"
        "        group.tx.run(sql.BODY_DELETE, (applied.body_id,))\n",
        "",
        (POWER, KILL),
    ),
    # The stream against its table.
    Defect(
        "a put over an item of the same size makes no record",
        "I-6",
        WRITES + "apply.py",
        "    if stream is not None:\n        body, _",
        "    if stream is not None and (count or old_size != new_size):\n        body, _",
        (MACHINE, POWER),
    ),
    Defect(
        "the old image is the new one",
        "I-7",
        WRITES + "apply.py",
        "            key.packed,\n            old_packed,\n            packed,\n",
        "            key.packed,\n            old_packed and (packed or old_packed),\n"
        "            packed,\n",
        (MACHINE,),
    ),
    Defect(
        "a put of what is there already makes a record",
        "I-8",
        WRITES + "apply.py",
        "applied.changed = before != packed and applied.old != mutation.item",
        "applied.changed = True",
        (MACHINE, POWER),
    ),
    Defect(
        "a new item's record says MODIFY",
        "I-8",
        STREAMS + "change.py",
        "        event = INSERT\n",
        "        event = MODIFY\n",
        (MACHINE,),
    ),
    Defect(
        "a deletion makes two records",
        "I-9",
        WRITES + "apply.py",
        "        append(group, table, position, body)\n",
        "        append(group, table, position, body)\n"
        "        if packed is None:\n            append(group, table, position, body)\n",
        (MACHINE,),
    ),
    Defect(
        "KEYS_ONLY shows the new image",
        "I-10",
        STREAMS + "change.py",
        "        old_packed = new_packed = None\n",
        "        old_packed = None\n",
        (MACHINE,),
    ),
    Defect(
        "an index entry stays where it was when its key changes",
        "I-11",
        TABLES + "indexes.py",
        "            if before is not None:\n"
        "                units = _take_out(group, index, applied, before)\n",
        "            if before is not None and new is None:\n"
        "                units = _take_out(group, index, applied, before)\n",
        (POWER, "tests/unit/engine/tables"),
    ),
    # Order and shards.
    Defect(
        "the counter is what survives, not what was given",
        "I-12",
        STREAMS + "sequence.py",
        "    return max(stored or 0, now_ms * 1000)\n",
        "    return now_ms\n",
        (MACHINE, POWER),
    ),
    Defect(
        "the counter is not kept",
        "I-20",
        WRITES + "group.py",
        "            tx.run(statements_streams.SEQUENCE_SET, (self.sequence,))\n",
        "            pass\n",
        (POWER, MACHINE),
    ),
    Defect(
        "after a split both halves write to the first child",
        "I-13",
        STREAMS + "log.py",
        "    shard = table.open_shards[position]\n",
        "    shard = table.open_shards[position & ~1]\n",
        (MACHINE,),
    ),
    Defect(
        "a hash at a range's start goes to the range before",
        "I-14",
        STREAMS + "shards.py",
        "    upper = (hashing.successor(boundary), parent.range_end)\n",
        "    upper = (hashing.successor(hashing.successor(boundary)), parent.range_end)\n",
        (MACHINE,),
    ),
    Defect(
        "a split opens a child of the whole range twice",
        "I-15",
        STREAMS + "shards.py",
        "            _open(group, lineage, closed.stream_id, half, closed, closed.depth + 1)\n"
        "            for half in halves\n",
        "            _open(group, lineage, closed.stream_id, halves[0], closed, closed.depth + 1)\n"
        "            for half in halves\n",
        (MACHINE,),
    ),
    Defect(
        "a child's depth is its parent's",
        "I-16",
        STREAMS + "shards.py",
        "closed.stream_id, table.partitions[at], closed, closed.depth + 1)\n",
        "closed.stream_id, table.partitions[at], closed, closed.depth)\n",
        (MACHINE,),
    ),
    Defect(
        "a shard that closes has no end",
        "I-17",
        STREAMS + "shards.py",
        "        end_sequence=counters.last_sequence,\n",
        "        end_sequence=None,\n",
        (MACHINE,),
    ),
    Defect(
        "the parent of a split stays open on disk",
        "I-16",
        STREAMS + "shards.py",
        "(closed.closed_ms, closed.end_sequence, shard.shard_id)",
        "(closed.closed_ms, closed.end_sequence, -1)",
        (MACHINE,),
    ),
    Defect(
        "a split closes the parent in one transaction and opens the children in the next",
        "I-18",
        STREAMS + "shards.py",
        "        closed = _close(group, opened[at])\n",
        "        closed = _close(group, opened[at])\n"
        '        group.tx.run("COMMIT")\n        group.tx.run("BEGIN IMMEDIATE")\n',
        (KILL, POWER),
    ),
    # Consumers.
    Defect(
        "a closed shard ends a record too early",
        "I-19",
        STREAMS + "log.py",
        "    if closed_ms is not None and ordinal == beyond:\n",
        "    if closed_ms is not None and ordinal >= beyond - 1:\n",
        (MACHINE,),
    ),
    Defect(
        "a page ends with a record that the next one begins with",
        "I-19",
        STREAMS + "log.py",
        "    ordinal += len(records)\n    if records:\n        after = records[-1][0]\n",
        "    ordinal += len(records)\n    if records:\n        after = records[-1][0] - 1\n"
        "        ordinal -= 1\n",
        (MACHINE,),
    ),
    Defect(
        "the checkpoint of a transactional handler commits before its writes",
        "I-21",
        "streamstore/consumers/delivery/commits.py",
        "        if extras.unit is not None:\n            extras.unit(group)\n",
        "        checkpoints.write(group, row)\n"
        '        group.tx.run("COMMIT")\n        group.tx.run("BEGIN IMMEDIATE")\n'
        "        if extras.unit is not None:\n            extras.unit(group)\n",
        ("tests/crash/test_exactly_once.py",),
    ),
    Defect(
        "a checkpoint counts the record that comes next",
        "I-21",
        "streamstore/consumers/delivery/shard.py",
        "            return max(min(firsts) - 1, self.done)\n",
        "            return max(min(firsts), self.done)\n",
        ("tests/unit/consumers/delivery", "tests/crash/test_consumers_chaos.py"),
    ),
    # Retention.
    Defect(
        "records go a second too early",
        "I-22",
        STREAMS + "horizon.py",
        "        return self.now_ms() - self.retention_ms(table_name)\n",
        "        return self.now_ms() - self.retention_ms(table_name) + 1000\n",
        (MACHINE,),
    ),
    Defect(
        "a trim takes the newest records first",
        "I-23",
        STREAMS + "retention.py",
        "        tx.run(sql.RECORDS_DELETE, (start | first, start | (first + rows)))\n",
        "        tx.run(sql.RECORDS_DELETE, (start | (first + 1), start | (first + rows + 1)))\n",
        (MACHINE,),
    ),
    Defect(
        "who reads before the horizon is moved ahead in silence",
        "I-23",
        STREAMS + "log.py",
        "    elif after < horizon:\n        raise RecordsTrimmed(",
        "    elif after < 0:\n        raise RecordsTrimmed(",
        (MACHINE, "tests/unit/engine/streams"),
    ),
    Defect(
        "a trim does not say where the shard begins now",
        "I-24",
        STREAMS + "retention.py",
        "    tx.run(sql.SHARD_FIRST_ORDINAL_SET, (first, shard_id))\n",
        "",
        (MACHINE,),
    ),
    # Identity.
    Defect(
        "a token is looked up and never kept",
        "I-25",
        WRITES + "tokens.py",
        "    group.tx.run(sql.TOKEN_SET, (token, digest, group.now_ms, packed))\n",
        "",
        (POWER, "tests/unit/engine/writes"),
    ),
    Defect(
        "a label may come again",
        "I-25",
        STREAMS + "shards.py",
        "    lineage.label_ms = max(group.now_ms, lineage.label_ms + 1)\n",
        "    lineage.label_ms = group.now_ms\n",
        (MACHINE,),
    ),
)
