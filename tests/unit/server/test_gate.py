from __future__ import annotations

import pytest

from streamstore.server.gate import Gate, ServerSettings, UnsafeError, host_name, is_loopback

KEYS = {"AKID": "secret"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com"])
def test_without_keys_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(UnsafeError, match="configure keys"):
        ServerSettings(host=host)
    assert ServerSettings(host=host, keys=KEYS).host == host


def test_keys_are_not_shown_and_a_star_is_no_origin() -> None:
    assert "secret" not in repr(ServerSettings(keys=KEYS))
    with pytest.raises(UnsafeError, match="never"):
        ServerSettings(allowed_origins=("*",))
    with pytest.raises(ValueError, match="65535"):
        ServerSettings(port=65536)


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        (b"localhost", True),
        (b"LocalHost:8000", True),
        (b"127.0.0.1:1", True),
        (b"[::1]:8000", True),
        (b"[::1]", True),
        (b"dynamo.test:80", True),
        (b"evil.example", False),
        (b"localhost.evil.example", False),
        (b"127.0.0.1.evil.example", False),
        (b"10.0.0.9", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_a_loopback_server_answers_to_its_own_names_only(host: bytes, admitted: bool) -> None:
    gate = Gate(ServerSettings(allowed_hosts=("Dynamo.test",)))
    assert gate.admits_host(host) is admitted


@pytest.mark.parametrize(
    ("host", "admitted"), [(b"10.0.0.9:8000", True), (b"[fe80::1]:8000", True), (b"a.b", False)]
)
def test_a_server_on_all_addresses_answers_to_addresses_but_to_no_strange_name(
    host: bytes, admitted: bool
) -> None:
    assert Gate(ServerSettings(host="0.0.0.0", keys=KEYS)).admits_host(host) is admitted


@pytest.mark.parametrize(
    ("origin", "host", "admitted", "wanted"),
    [
        (b"http://localhost:8000", b"localhost:8000", True, False),
        (b"https://localhost:8000", b"localhost:8000", True, False),
        (b"http://localhost:9000", b"localhost:8000", False, False),
        (b"http://evil.example", b"localhost:8000", False, False),
        (b"null", b"localhost:8000", False, False),
        (b"", b"localhost:8000", False, False),
        (b"HTTPS://app.test", b"localhost:8000", True, True),
        (b"http://app.test", b"localhost:8000", False, False),
        (b"https://app.test.evil", b"localhost:8000", False, False),
    ],
)
def test_origins_are_its_own_or_asked_for(
    origin: bytes, host: bytes, admitted: bool, wanted: bool
) -> None:
    gate = Gate(ServerSettings(allowed_origins=("https://app.test/",)))
    assert gate.admits_origin(origin, host) is admitted
    assert gate.wants_origin(origin) is wanted


def test_a_host_name_has_no_port_and_no_brackets() -> None:
    assert host_name(b" A.B:8 ") == "a.b"
    assert host_name(b"[::1]:8") == "::1"
