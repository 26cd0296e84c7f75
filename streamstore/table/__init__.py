"""A table in native Python types, in the shape of boto3's resource.

    orders = store.table("orders")
    orders.put_item(Item={"id": "a", "n": 1})
    orders.query(KeyConditionExpression=Key("id").eq("a"))

values.py      Python's values as the service's, and back
conditions.py  Key and Attr
table.py       the table and its batch writer

Everything but values and conditions is the client's: parameters, replies, errors.
"""

from .conditions import Attr, Condition, Key
from .table import BatchWriter, Table
from .values import from_item, from_value, to_item, to_value

__all__ = [
    "Attr",
    "BatchWriter",
    "Condition",
    "Key",
    "Table",
    "from_item",
    "from_value",
    "to_item",
    "to_value",
]
