"""pytest fixtures, found by pytest where streamstore is installed: a store a test.

    streamstore_clock     a clock that moves only when told: streamstore_clock.advance(24 * 3600)
    streamstore_store     a store in memory on that clock, without a background thread (tick() it)
    streamstore_client    its boto3-shaped client, in process
    streamstore_boto3     boto3 itself: its clients and resources, made by whomever this test calls,
                          ask that store in process
    streamstore_endpoint  the URL of an HTTP endpoint of that store on a free port; boto3, the AWS
                          CLI and any other SDK that this test starts go there by themselves

While `streamstore_endpoint` is used, AWS_ENDPOINT_URL and its kin point at the endpoint, and the
credentials are made up, so that no client of the test can reach AWS by mistake. Every test has its
own store, so tests don't see each other, and each process of pytest-xdist has its own port.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ...client import Client
    from ...clock import ManualClock
    from ...store import Store

_ENDPOINTS = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_DYNAMODB_STREAMS",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_CLOUDWATCH",
)


@pytest.fixture
def streamstore_clock() -> ManualClock:
    """The time of this test's store: it stands still until it is moved."""
    from ...clock import ManualClock

    return ManualClock()


@pytest.fixture
def streamstore_store(streamstore_clock: ManualClock) -> Iterator[Store]:
    """A store in memory, empty, of this test alone."""
    from ... import store as stores

    with stores.open(":memory:", clock=streamstore_clock, background=False) as store:
        yield store


@pytest.fixture
def streamstore_client(streamstore_store: Store) -> Client:
    """boto3's methods and errors on this test's store, without a network."""
    return streamstore_store.client


@pytest.fixture
def streamstore_boto3(streamstore_store: Store) -> Iterator[ModuleType]:
    """boto3, whose clients made during this test are answered by its store (streamstore.boto)."""
    import boto3

    from ...boto import in_process

    with in_process(streamstore_store):
        yield boto3


@pytest.fixture
def streamstore_endpoint(
    streamstore_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL under which this test's store is served, on loopback."""
    from ...boto import IDENTITY, OTHER_IDENTITIES
    from ...server.gate import ServerSettings
    from ...server.serve import Running

    for name in OTHER_IDENTITIES:
        monkeypatch.delenv(name, raising=False)
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    with Running(streamstore_store, ServerSettings(port=0)) as running:
        for name in _ENDPOINTS:
            monkeypatch.setenv(name, running.url)
        yield running.url
