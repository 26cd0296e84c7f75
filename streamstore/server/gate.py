"""Who may knock: the addresses a server listens on, the Host names it answers to, the Origins it
lets in.

A server without keys listens on loopback only. That alone doesn't keep a browser's pages out: one
of them may have its name resolve to 127.0.0.1 (DNS rebinding), or send requests across sites. So
the Host is held against an allow-list before anything is routed, and an Origin that is neither
the server's own nor asked for is refused.

Nothing here touches a socket or reads a body.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

_ADMITTED_MAX = 64
LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


class UnsafeError(ValueError):
    """The settings would open the store to strangers; the text says what to do instead."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server listens.

    `host`: an address or "localhost" (both loopback addresses); `port`: 0 picks a free one.
    `keys`: access key id to secret; with any, every signature is verified, without, only loopback
    addresses are listened on. `allowed_hosts`: further Host names that are answered to (no
    ports). `allowed_origins`: Origins that may call from a browser, as scheme://host[:port].
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must lie in 0..65535, not {self.port}")
        if not self.keys and not is_loopback(self.host):
            raise UnsafeError(
                f"{self.host} is not a loopback address: configure keys, so that signatures are "
                "verified, or listen on 127.0.0.1"
            )
        if "*" in self.allowed_origins:
            raise UnsafeError("allowed_origins names origins, never *")


def is_loopback(address: str) -> bool:
    """Whether an address, or the name localhost, can be reached from this machine alone."""
    if address == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return parsed.is_loopback or (mapped is not None and mapped.is_loopback)


class Gate:
    """The allow-lists of one server, as lower-case text."""

    def __init__(self, settings: ServerSettings) -> None:
        names = {name.lower() for name in settings.allowed_hosts}
        names |= LOOPBACK_NAMES
        names.add(settings.host.lower())
        self._hosts = frozenset(names)
        self._admitted: set[bytes] = set()  # Host headers seen and found good, a few
        self._any_address = not is_loopback(settings.host)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)

    def admits_host(self, host: bytes) -> bool:
        """Whether a Host header names this server; its port is not looked at, since ports are
        forwarded.
        """
        if host in self._admitted:
            return True
        admitted = self._admits_name(host_name(host))
        if admitted and len(self._admitted) < _ADMITTED_MAX:
            self._admitted.add(host)
        return admitted

    def _admits_name(self, name: str) -> bool:
        if name in self._hosts:
            return True
        # Who listens on many addresses can't list them; and a bare address is no name that a
        # stranger could bind to this machine.
        return self._any_address and _is_address(name)

    def wants_origin(self, origin: bytes) -> bool:
        """Whether an Origin was asked for, so that its pages get CORS headers."""
        return origin.decode("latin-1").lower() in self._origins

    def admits_origin(self, origin: bytes, host: bytes) -> bool:
        """Whether an Origin was asked for or is this server's own."""
        text = origin.decode("latin-1").lower()
        own = host.decode("latin-1").lower()
        return text in self._origins or text in (f"http://{own}", f"https://{own}")


def host_name(host: bytes) -> str:
    """The name of a Host header, without its port and brackets, in lower case."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
