"""Billing mode, capacity units and on-demand ceilings of CreateTable and UpdateTable (spec C.2,
C.3).

Capacity is kept and shown; nothing is throttled by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ... import limits
from ...engine.model import IndexInfo, TableInfo
from ...errors import ValidationFailed

Request = dict[str, Any]
BillingMode = Literal["PROVISIONED", "PAY_PER_REQUEST"]

_PARAMETERS: Final = "One or more parameter values were invalid: "
_NEITHER: Final = (
    _PARAMETERS + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when"
    " BillingMode is PAY_PER_REQUEST"
)


@dataclass(frozen=True, slots=True)
class Billing:
    """A table's mode and its provisioned units a second; zeros on demand."""

    mode: BillingMode
    read_units: int = 0
    write_units: int = 0


def requested_mode(params: Request) -> BillingMode | None:
    """BillingMode, or its alias where that is absent."""
    mode: BillingMode | None = params.get("BillingMode") or params.get("TableThroughputMode")
    return mode


def read_billing(params: Request) -> Billing:
    """The billing of a CreateTable request (spec C.2, lines 1 to 3)."""
    mode = requested_mode(params) or "PROVISIONED"
    throughput = params.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if throughput is not None:
            raise ValidationFailed(_NEITHER)
        return Billing(mode)
    if throughput is None:
        raise ValidationFailed(
            _PARAMETERS + "ReadCapacityUnits and WriteCapacityUnits must both be specified when"
            " BillingMode is PROVISIONED"
        )
    check_units(throughput)
    return Billing(mode, *units_of(throughput))


def units_of(throughput: Request) -> tuple[int, int]:
    """(read, write) capacity units of a ProvisionedThroughput."""
    return throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]


def check_units(throughput: Request, index: str | None = None) -> None:
    """Units within what the service can count (spec C.2, line 3)."""
    of_index = "" if index is None else f" for index {index}"
    for name in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if throughput[name] > limits.CAPACITY_UNITS_MAX:
            raise ValidationFailed(
                f"Given value {throughput[name]} for {name} is out of bounds{of_index}"
            )


def check_index_throughput(index: Request, billing: Billing) -> None:
    """A GSI has provisioned throughput exactly when its table has (spec C.2, line 15)."""
    throughput, name = index.get("ProvisionedThroughput"), index["IndexName"]
    if billing.mode == "PAY_PER_REQUEST":
        if throughput is not None:
            raise ValidationFailed(
                f"{_PARAMETERS}ProvisionedThroughput should not be specified for index: {name}"
                " when BillingMode is PAY_PER_REQUEST"
            )
    elif throughput is None:
        raise ValidationFailed(
            f"{_PARAMETERS}ProvisionedThroughput must be specified for index: {name}"
        )
    else:
        check_units(throughput, name)


def refuse_unchanged_index(index: IndexInfo, read: int, write: int) -> None:
    """ValidationFailed for units that a GSI has already."""
    if (read, write) == (index.read_units, index.write_units):
        current = Billing("PROVISIONED", read, write)
        raise ValidationFailed(_unchanged(f"index {index.name}", "index", current, current))


def index_units(index: Request) -> tuple[int, int]:
    """(read, write) units of a GSI's request, zeros where it has none."""
    throughput = index.get("ProvisionedThroughput")
    return (0, 0) if throughput is None else units_of(throughput)


def check_ceilings(ceilings: Request, mode: BillingMode, *, updating: bool) -> None:
    """OnDemandThroughput against the billing mode and its range (spec C.2, line 17; C.3)."""
    for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits"):
        if name not in ceilings:
            continue
        if mode == "PROVISIONED":
            words = (
                "the table BillingMode is PROVISIONED"
                if updating
                else ("table BillingMode is PROVISIONED.")
            )
            raise ValidationFailed(
                f"{_PARAMETERS}{name} for OnDemandThroughput cannot be specified when {words}"
            )
        if ceilings[name] < 1 and not (updating and ceilings[name] == -1):
            raise ValidationFailed(
                f"{_PARAMETERS}Requested {name} for OnDemandThroughput for table is outside of"
                " valid range"
            )


def check_requested_change(params: Request) -> None:
    """What an UpdateTable request says about capacity, before its table is looked up (spec C.3)."""
    mode, throughput = requested_mode(params), params.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST" and throughput is not None:
        raise ValidationFailed(_NEITHER)
    if mode == "PROVISIONED" and throughput is None:
        raise ValidationFailed(
            _PARAMETERS + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
        )
    if throughput is not None:
        check_units(throughput)


def billing_after(table: TableInfo, params: Request) -> Billing:
    """The billing that an UpdateTable request gives `table`; ValidationFailed where the two don't
    go together.
    """
    mode = requested_mode(params) or table.billing_mode
    throughput = params.get("ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if throughput is not None:
            raise ValidationFailed(_NEITHER)
        return Billing(mode)
    if throughput is None:
        return Billing(mode, table.read_units, table.write_units)
    wanted = Billing(mode, *units_of(throughput))
    current = Billing(table.billing_mode, table.read_units, table.write_units)
    if wanted == current:
        raise ValidationFailed(_unchanged("table", "table", current, wanted))
    return wanted


def _unchanged(subject: str, kind: str, current: Billing, wanted: Billing) -> str:
    return (
        f"The provisioned throughput for the {subject} will not change. The requested value equals"
        f" the current value. Current ReadCapacityUnits provisioned for the {kind}:"
        f" {current.read_units}."
        f" Requested ReadCapacityUnits: {wanted.read_units}."
        f" Current WriteCapacityUnits provisioned for the {kind}: {current.write_units}."
        f" Requested WriteCapacityUnits: {wanted.write_units}."
        " Refer to the Amazon DynamoDB Developer Guide for current limits and how to request"
        " higher limits."
    )
