"""Records as plain Python: native images, and what changed between two of them.

    unmarshal   a record, or an event of them, with Keys, NewImage and OldImage as Python values
    difference  diff: what was added, removed and changed between two images, by path
    forms       a record of any origin in the form Lambda's events have

Records come in three spellings, and all of them are taken everywhere: the events of Lambda, the
wire of the Streams API (from a server or through boto3), and the records of a follower.

Must not know: stores, mappings, delivery. Nothing here does any I/O.
"""

from __future__ import annotations

from .difference import Difference, diff
from .forms import lambda_form
from .unmarshal import int_or_float, unmarshal

__all__ = ["Difference", "diff", "int_or_float", "lambda_form", "unmarshal"]
