"""One event source mapping: which function consumes which stream, and every parameter it may have.

The parameters and their bounds are those of the Lambda API for a DynamoDB stream; the names are its
members in Python's spelling. A Mapping is a value: `mappings` keeps it in the store, `delivery`
acts by it, `lambda_api` words it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

StartingPosition = Literal["TRIM_HORIZON", "LATEST"]
State = Literal["Creating", "Enabling", "Enabled", "Disabling", "Disabled", "Updating", "Deleting"]

UNBOUNDED: Final = -1
NOTHING_PROCESSED: Final = "No records processed"


@dataclass(frozen=True, slots=True)
class Mapping:
    """An event source mapping. Seconds and counts as the names say; UNBOUNDED where there is no
    limit.

    `mapping_id` is the row's, 0 before it has one. `function_name` is the bare name, `qualifier` a
    version or alias or "". `filters` are patterns as they were written, ORed; () lets all pass.
    `destination` is where failures go, "" for nowhere but the store's own list. `last_result` is
    LastProcessingResult.
    """

    mapping_id: int
    uuid: str
    stream_arn: str
    function_name: str
    qualifier: str = ""
    state: State = "Enabled"
    modified_ms: int = 0
    starting_position: StartingPosition = "TRIM_HORIZON"
    batch_size: int = 100
    window_seconds: int = 0
    parallelization_factor: int = 1
    bisect: bool = False
    retry_attempts_max: int = UNBOUNDED
    record_age_seconds_max: int = UNBOUNDED
    tumbling_window_seconds: int = 0
    report_item_failures: bool = False
    filters: tuple[str, ...] = ()
    destination: str = ""
    event_count_metrics: bool = False
    kms_key: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    last_result: str = NOTHING_PROCESSED
    transition_reason: str = "User action"

    @property
    def enabled(self) -> bool:
        """Whether its workers should run."""
        return self.state in ("Creating", "Enabling", "Enabled", "Updating")

    def changed(self, **changes: Any) -> Mapping:
        """The same mapping with some of its parameters changed."""
        return replace(self, **changes)
