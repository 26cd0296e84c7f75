"""What a store counts of itself: observations by CloudWatch's names, kept by the minute, and since
the start as Prometheus wants them. A leaf: everybody may count.

`recording` observes, `distribution` sums up, `exposition` shows.

Not here: how CloudWatch's requests are answered (cloudwatch), where the doors are (server), what an
operation costs (operations).
"""

from __future__ import annotations

from .distribution import Distribution
from .exposition import facts, prometheus
from .recording import LATENCY, MINUTE_MS, OTHER, Dimensions, Latencies, Metrics, Series

__all__ = [
    "LATENCY",
    "MINUTE_MS",
    "OTHER",
    "Dimensions",
    "Distribution",
    "Latencies",
    "Metrics",
    "Series",
    "facts",
    "prometheus",
]
