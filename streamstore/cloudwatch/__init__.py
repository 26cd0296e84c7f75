"""CloudWatch's questions about a store: ListMetrics, GetMetricStatistics, GetMetricData.

`operations` answers a request that was read, `door` speaks the three protocols of today's SDKs,
with `cbor` and `query` for two of them. Its handlers are given to the server as routes by whoever
starts it; this room and the server don't know each other.

Only AWS/DynamoDB has metrics here, by the minute and for three hours. Metric math, alarms and
putting metrics are not served.
"""

from __future__ import annotations

from typing import Final

# What tells the service's requests: the name in paths and in X-Amz-Target, and its operations.
PREFIX: Final = "GraniteServiceVersion20100801"
NAMES: Final = ("GetMetricData", "GetMetricStatistics", "ListMetrics")

__all__ = ["NAMES", "PREFIX"]
