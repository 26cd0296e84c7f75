"""Every number of DynamoDB's and every bound of ours, with the unit last in the name.

Numbers that depend on each other are held together by the assertions at the end, which run at
import.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Items and attribute values (spec D, F).
ITEM_BYTES_MAX: Final = 400 * KIB
NESTING_LEVELS_MAX: Final = 32
NUMBER_DIGITS_MAX: Final = 38
NUMBER_EXPONENT_MAX: Final = 125
NUMBER_EXPONENT_MIN: Final = -130
WRITE_UNIT_BYTES: Final = 1 * KIB
READ_UNIT_BYTES: Final = 4 * KIB
HASH_KEY_BYTES_MAX: Final = 2048
RANGE_KEY_BYTES_MAX: Final = 1024
ATTRIBUTE_NAME_BYTES_MAX: Final = 65535

# Expressions (spec E.3).
EXPRESSION_BYTES_MAX: Final = 4096
EXPRESSION_OPERATORS_MAX: Final = 300
IN_OPERANDS_MAX: Final = 100
PATH_ELEMENTS_MAX: Final = 32
LIST_INDEX_MAX: Final = 2**31 - 1
PLACEHOLDER_CHARS_MAX: Final = 255
EXPRESSION_VARIABLES_BYTES_MAX: Final = 2 * MIB
EXPRESSION_CACHE_ENTRIES: Final = 2048
EXPRESSION_CACHE_CHARS: Final = 256 * KIB
ARITHMETIC_LEVELS_MAX: Final = 32  # of sums of sums, which only a statement can have

# Statements of PartiQL; the model says so too, and bounds how many there are in a request.
STATEMENT_CHARS_MAX: Final = 8192
SELECTED_PARTITIONS_MAX: Final = 50  # hash keys that IN may list

# JSON of stored items, remembered (codec/fragments): two generations of this size.
FRAGMENT_BODY_BYTES_MAX: Final = 4 * KIB
FRAGMENT_GENERATION_BYTES: Final = 4 * MIB

# A page of at most so many items is fetched at once; more are taken row by row.
ROWS_AT_ONCE_MAX: Final = 64

# Requests.
REQUEST_BODY_BYTES_MAX: Final = 16 * MIB
REQUEST_HEADERS_BYTES_MAX: Final = 16 * KIB
GZIP_REPLY_BYTES_MIN: Final = 4 * KIB
REQUEST_READ_SECONDS_MAX: Final = 30
CONNECTIONS_MAX: Final = 1024
PIPELINED_REQUESTS_MAX: Final = 16
JSON_DEPTH_MAX: Final = 128
PAGE_BYTES_MAX: Final = 1 * MIB
BATCH_GET_KEYS_MAX: Final = 100
BATCH_GET_BYTES_MAX: Final = 16 * MIB
BATCH_WRITE_REQUESTS_MAX: Final = 25
TRANSACT_BYTES_MAX: Final = 4 * MIB
CLIENT_TOKEN_LIFE_SECONDS: Final = 600
LIST_TABLES_MAX: Final = 100

# The server's connections.
CHUNK_LINE_BYTES_MAX: Final = 256
CHUNK_OVERHEAD_BYTES_MAX: Final = 1 * MIB  # what chunk lines and trailers may cost beyond the body
DESCRIPTORS_BESIDE_CONNECTIONS: Final = 256
LARGE_BODY_BYTES: Final = 1 * MIB  # a body of more takes one of the slots below while it comes in
LARGE_BODIES_MAX: Final = 16
WAITING_BYTES_MAX: Final = 64 * KIB  # unread requests behind a running one, before reading pauses
CONNECTION_IDLE_SECONDS_MAX: Final = 180
CONNECTION_SWEEP_SECONDS: Final = 60
LINGER_SECONDS_MAX: Final = (
    2  # how long bytes of a refused body are read over, so that the reply is seen
)
DRAIN_SECONDS_MAX: Final = 30
HEAD_CACHE_ENTRIES: Final = 512
HEAD_CACHED_BYTES_MAX: Final = 2 * KIB
SCOPE_CACHE_ENTRIES: Final = 256
SIGNING_KEY_CACHE_ENTRIES: Final = 64
SIGNATURE_AGE_SECONDS_MAX: Final = 15 * 60
LONG_READ_THREADS: Final = 4

# Tables.
TABLE_NAME_CHARS_MIN: Final = 3
TABLE_NAME_CHARS_MAX: Final = 255
LSI_MAX: Final = 5
GSI_MAX: Final = 20
INDEX_KEY_PARTS_MAX: Final = 4  # hash parts of a GSI, and as many range parts
NON_KEY_ATTRIBUTES_MAX: Final = 100
COLLECTION_ROWS_MAX: Final = 20_000
CAPACITY_UNITS_MAX: Final = 10**12
TAGS_MAX: Final = 50
EXPIRED_SECONDS_MAX: Final = 5 * 365 * 24 * 3600  # what expired earlier is left alone

# Streams (spec A.2, A.7, A.8).
GET_RECORDS_MAX: Final = 1000
GET_RECORDS_BYTES_MAX: Final = 1 * MIB
SHORT_PAGE_RECORDS_MAX: Final = 200  # a page of more is read off the event loop
LIST_STREAMS_MAX: Final = 100
DESCRIBE_STREAM_SHARDS_MAX: Final = 100
ITERATOR_LIFE_SECONDS: Final = 15 * 60
ITERATOR_CHARS_MAX: Final = 2048
FOLLOW_RECORDS_MAX: Final = 1000  # of one page of a follower, over all its shards
FOLLOW_PIECE_RECORDS_MIN: Final = 32  # of one shard, read at once by a follower
FOLLOW_POLL_SECONDS: Final = 0.020  # beside an owner in another process, who can't wake anybody
FOLLOW_WAIT_SECONDS: Final = 60.0  # a waiting follower looks again after this, woken or not
TAILERS_MAX: Final = 64  # clients of a server that follow streams as events
TAIL_HEARTBEAT_SECONDS: Final = 15.0
RETENTION_SECONDS_DEFAULT: Final = 24 * 3600
STREAM_KEPT_SECONDS: Final = 24 * 3600

# Sinks: a table in another database (consumers/sinks). PostgreSQL's row of one 8 KiB page takes
# some 300 columns when every value is out of line, its index entry 2,704 bytes of key.
SINK_COLUMNS_MAX: Final = 200  # of attributes; what has no column is kept in one of JSON
SINK_NAME_BYTES_MAX: Final = 63
SINK_ATTRIBUTE_BYTES_MAX: Final = 255  # a longer name gets no column
SINK_KEY_BYTES_MAX: Final = 1200  # of one key attribute; a longer one is stood in for by its digest
SINK_COPY_ITEMS_MAX: Final = 1000  # of one transaction
SINK_LOOK_SECONDS: Final = 0.5  # a waiting replication looks whether it shall stop
SINK_IDLE_SECONDS: Final = 60.0  # in silence the place is written down as often
SINK_BACKOFF_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
SINK_LOCK_SECONDS_MAX: Final = 10

# A tester's rules (control).
RULES_MAX: Final = 1000
RULE_DELAY_SECONDS_MAX: Final = 3600

# Group commit (engine.md 1).
GROUP_UNITS_MAX: Final = 256
GROUP_BYTES_MAX: Final = 4 * MIB
GROUP_APPLY_SECONDS_MAX: Final = 0.010
QUEUE_UNITS_MAX: Final = 4096
QUEUE_BYTES_MAX: Final = 64 * MIB
LEAD_GROUPS_MAX: Final = 16
LOOP_COMMIT_SECONDS_MAX: Final = 0.005
WAITER_WAKE_SECONDS: Final = 0.050

# Storage (engine.md 2, 3, 4, 6).
PAGE_SIZE_BYTES: Final = 4096
WRITER_CACHE_BYTES: Final = 16 * MIB
READER_CACHE_BYTES: Final = 2 * MIB
READERS_MAX: Final = 8
INLINE_BODY_BYTES_MAX: Final = 700
PINNED_MAX: Final = 8
PINNED_LOOK_SECONDS: Final = 1.0
SNAPSHOT_SECONDS_MAX: Final = 600.0
SNAPSHOT_WAL_BYTES_MAX: Final = 1024 * MIB
SNAPSHOT_PIECE_ROWS: Final = 256
LINES_PIECE_BYTES: Final = 64 * KIB  # of lines on stdout, written at once
SNAPSHOT_MEMORY_BYTES_MAX: Final = 256 * MIB  # of a table copied out of a store in memory
BUSY_SECONDS_THREAD: Final = 5.0
BUSY_SECONDS_OPEN: Final = 2.0
CHECKPOINT_PASSIVE_WAL_BYTES: Final = 4 * MIB
CHECKPOINT_RESTART_WAL_BYTES: Final = 64 * MIB
CHECKPOINT_RESTART_SECONDS: Final = 0.100
JOURNAL_SIZE_LIMIT_BYTES: Final = 64 * MIB
RECORD_ORDINAL_BITS: Final = 38
REOPEN_BACKOFF_SECONDS_MAX: Final = 60

# Background ticks (engine.md 6).
TICK_ROWS_MAX: Final = 2000
TICK_BYTES_MAX: Final = 8 * MIB
TICK_SECONDS_MAX: Final = 0.005
TICK_EVERY_SECONDS: Final = 1.0
COMPACTION_EVERY_SECONDS: Final = 60.0
VACUUM_PAGES_MAX: Final = 256
VACUUM_FREE_FRACTION: Final = 0.10
VACUUM_FREE_BYTES: Final = 1 * MIB

# Shards (engine.md 5.3, 5.5).
HASH_BYTES: Final = 16
PARTITION_WRITE_UNITS_PER_SECOND_MAX: Final = 1000
PARTITION_BYTES_MAX: Final = 10 * 1024 * MIB
SPLIT_WINDOW_SECONDS: Final = 300
ROLLOVER_SECONDS: Final = 4 * 3600
ROLLOVER_JITTER: Final = 0.12
SPLIT_SAMPLE_HASHES: Final = 1024
SPLIT_ONE_HASH_SHARE_MAX: Final = 0.80
SPLIT_AGE_SECONDS_MIN: Final = 60
OPEN_SHARDS_DEFAULT_MAX: Final = 64
OPEN_SHARDS_HARD_MAX: Final = 1024
ON_DEMAND_FIRST_PARTITIONS: Final = 4
CLOCK_STEP_SECONDS_MAX: Final = 3600
CLOCK_SETTLE_SECONDS: Final = 600

# Metrics: series of a store, minutes kept of each, and points (series and minutes) in all.
METRIC_SERIES_MAX: Final = 1024
METRIC_MINUTES_KEPT: Final = 180
METRIC_POINTS_MAX: Final = 50_000
METRIC_QUERIES_MAX: Final = 500  # in one GetMetricData
METRICS_LISTED_MAX: Final = 500  # on one page of ListMetrics
METRIC_DATAPOINTS_MAX: Final = 1440  # of one GetMetricStatistics

# Filter patterns.
PATTERN_CHARACTERS_MAX: Final = 4096
PATTERN_DEPTH_MAX: Final = 100  # an item's 32 levels are 67 of a pattern
WILDCARD_STATES_MAX: Final = 100  # places of a wildcard that one string can be at, at once

# Event source mappings and functions (spec B.2, B.5).
INVOCATION_BYTES_MAX: Final = 6 * MIB  # of an event, and of what a function returns
FUNCTION_SECONDS_DEFAULT: Final = 60.0  # of a command or an endpoint; the service's bound is 900
FUNCTION_SECONDS_MAX: Final = 900.0
FUNCTION_CONCURRENCY_DEFAULT: Final = 32  # the bound of overdue threads in this process as well
FUNCTION_CONCURRENCY_MAX: Final = 1000
FUNCTION_STDERR_BYTES_MAX: Final = 4 * KIB  # of what a failed command said, kept for its message
FUNCTION_LOG_BYTES_MAX: Final = 4 * KIB  # of LogType=Tail, the service's
INVOKES_AT_ONCE_MAX: Final = 16  # of the server's door, whose threads serve pages as well
EVENTS_AT_ONCE_MAX: Final = 16  # of its asynchronous invocations, each in a thread
EVENTS_END_SECONDS_MAX: Final = 5.0  # how long an ending server waits for those
# Asynchronous invocations that wait or run, in memory, and how they are tried again: a failure
# after one minute and then two, what could not be run after a second, doubled, at most 5 minutes.
EVENTS_QUEUED_MAX: Final = 10_000
EVENTS_QUEUED_BYTES_MAX: Final = 64 * MIB
EVENT_BYTES_MAX: Final = 1 * MIB  # the service's
EVENT_RETRIES_MAX: Final = 2
EVENT_AGE_SECONDS_MAX: Final = 6 * 3600
EVENT_AGE_SECONDS_MIN: Final = 60
EVENT_RETRY_FIRST_MS: Final = 60_000
EVENT_WAIT_FIRST_MS: Final = 1_000
EVENT_WAIT_LONGEST_MS: Final = 300_000
EVENT_HOPS_MAX: Final = 16  # from function to function, as the service's loop detection allows
EVENT_CONFIGS_LISTED_MAX: Final = 50
MAPPINGS_MAX: Final = 1000  # of one store
MAPPINGS_LISTED_MAX: Final = 100
FUNCTIONS_LISTED_MAX: Final = 50
MAPPING_RESULT_SECONDS: Final = 1.0  # LastProcessingResult is written at most once in so long

# Delivery (consumers/delivery): waits between tries, and what a shard's worker holds in memory.
RETRY_FIRST_MS: Final = 500
RETRY_LONGEST_MS: Final = 60_000
WINDOW_STATE_BYTES_MAX: Final = 1 * MIB  # of a tumbling window, beyond which it ends early
INVOCATION_SECONDS_MAX: Final = 900.0
EVENT_BESIDE_BYTES: Final = 4 * KIB  # of an event's 6 MiB, for what is not records
READ_AHEAD_RECORDS_MAX: Final = 20_000  # of one shard of one mapping
READ_AHEAD_BYTES_MAX: Final = 16 * MIB
CONSUMER_THREADS_DEFAULT: Final = 8
CONSUMER_THREADS_MAX: Final = 64
CONSUMER_LOOK_SECONDS: Final = 1.0  # a missing function, a failed store, a clock that is moved
DRAIN_LOOK_SECONDS: Final = 0.020  # at shards that are never done with all, because more comes
CONSUMER_TURN_SECONDS: Final = 0.050  # a shard's turn, where others wait
SHORT_CALL_SECONDS: Final = 0.002  # lanes whose invocations are shorter share a thread,
SHORT_CALL_LOOK_MS: Final = 5  # until one of them takes longer than this
CHECKPOINT_EVERY_MS: Final = 1000  # where nothing but filtered records went by

# Failures of consumers (consumers/destinations): how long and how many the store keeps, and how
# long one delivery to a queue, topic or bucket may take.
FAILURE_KEPT_SECONDS: Final = 14 * 24 * 3600
FAILURES_KEPT_MAX: Final = 10_000
FAILURES_KEPT_BYTES_MAX: Final = 256 * MIB
FAILURES_REMOVED_AT_ONCE_MAX: Final = 100
DELIVERY_CONNECT_SECONDS: Final = 5
DELIVERY_READ_SECONDS: Final = 10
DELIVERY_ATTEMPTS_MAX: Final = 3
DELIVERY_MESSAGE_BYTES_MAX: Final = 256 * KIB  # of a topic's message, beyond which payloads go

# Units of work (consumers/transactional): items read, items written, bytes of both together, and
# how often a handler is run before its conflicts count as a failure.
UNIT_ITEMS_READ_MAX: Final = 1000
UNIT_ITEMS_WRITTEN_MAX: Final = 1000
UNIT_BYTES_MAX: Final = 4 * MIB
UNIT_ATTEMPTS_MAX: Final = 64

# Templates: files of a folder of code that are watched.
TEMPLATE_FILES_MAX: Final = 5000

# Readers of a shard, where Settings bound them.
READER_SEEN_SECONDS: Final = 10  # a reader that has not read for so long is gone
PACED_MAX: Final = 4096  # shards and rates remembered

# Checks of a file (checking).
CHECK_KEPT_MAX: Final = 100  # violations of one code that are told one by one
CHECK_KEYS_MAX: Final = 250_000  # of one pass over a stream, whose images are remembered
CHECK_NUMBER_BLOCKS_MAX: Final = 100_000  # of 4,096 sequence numbers each
CHECK_TOLD_EVERY_ROWS: Final = 20_000  # progress

assert GROUP_UNITS_MAX <= QUEUE_UNITS_MAX
assert GROUP_BYTES_MAX <= QUEUE_BYTES_MAX
assert LEAD_GROUPS_MAX * GROUP_UNITS_MAX >= QUEUE_UNITS_MAX, (
    "one turn of leading can empty a full queue"
)
assert GROUP_BYTES_MAX < WRITER_CACHE_BYTES, (
    "a group must fit the writer's cache, so that it never spills"
)
assert ITEM_BYTES_MAX <= PAGE_BYTES_MAX
assert NUMBER_EXPONENT_MAX - NUMBER_EXPONENT_MIN < 256, "a key's exponent must fit one byte"
assert TRANSACT_BYTES_MAX <= GROUP_BYTES_MAX
assert BATCH_WRITE_REQUESTS_MAX * ITEM_BYTES_MAX <= REQUEST_BODY_BYTES_MAX
assert OPEN_SHARDS_DEFAULT_MAX <= OPEN_SHARDS_HARD_MAX
assert CHECKPOINT_PASSIVE_WAL_BYTES < CHECKPOINT_RESTART_WAL_BYTES
assert SPLIT_AGE_SECONDS_MIN < SPLIT_WINDOW_SECONDS < ROLLOVER_SECONDS
assert PAGE_SIZE_BYTES // 4 > INLINE_BODY_BYTES_MAX, (
    "an inline body must fit a leaf cell without overflow pages"
)
