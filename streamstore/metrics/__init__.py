"""What a store counts of itself: observations by CloudWatch's names, kept by the minute, and since
the start as Prometheus wants them. A leaf: everybody may count.

`recording` observes, `distribution` sums up, `names` says what each is called, `exposition` shows.

Not here: how CloudWatch's requests are answered (cloudwatch), where the doors are (server), what an
operation costs (operations).
"""

from __future__ import annotations

from .distribution import Distribution
from .exposition import facts, prometheus
from .names import UNITS, namespace_of
from .recording import (
    FOLD_AT,
    LATENCY,
    MINUTE_MS,
    OTHER,
    Dimensions,
    Latencies,
    Meters,
    Metrics,
    Series,
)

__all__ = [
    "FOLD_AT",
    "LATENCY",
    "MINUTE_MS",
    "OTHER",
    "UNITS",
    "Dimensions",
    "Distribution",
    "Latencies",
    "Meters",
    "Metrics",
    "Series",
    "facts",
    "namespace_of",
    "prometheus",
]
