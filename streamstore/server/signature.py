"""Who signed a request: the checks of spec A.3, in their order and with their texts.

`read_claim` looks at form alone: the header (or the query string) must exist and parse. That is
all that the mode "none" asks for, since the server then listens on loopback only; dates, keys and
signatures are not looked at. With keys configured, `Verifier.verify` does the rest against the
body: the date within 15 minutes, the scope, the key, and the signature of version 4, compared in
constant time.

The secret keys stay in the Verifier; nothing here is logged.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from .. import limits
from ..clock import Clock
from ..errors import AuthenticationFailed
from .framing import Head

ALGORITHM = "AWS4-HMAC-SHA256"

_QUERY_MEMBERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
)
_BASIC_DATE = re.compile(r"\d{8}T\d{6}Z\Z", re.ASCII)
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z", re.ASCII)
_USUAL = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=([!-+.0-~-]+)/[0-9]+/([A-Za-z0-9][A-Za-z0-9_-]{0,63})"
    rb"/[a-z]+/aws4_request, ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-zA-Z]+\Z"
)
_SPACES = re.compile(r" +")


class Claim:
    """What a request says of its signer, as sent. `scope`: date, region, service, terminator."""

    __slots__ = (
        "algorithm",
        "credential",
        "date",
        "in_query",
        "key_id",
        "region",
        "scope",
        "signature",
        "signed_headers",
    )

    def __init__(
        self,
        algorithm: str,
        credential: str,
        signed_headers: str,
        signature: str,
        date: str,
        *,
        in_query: bool,
    ) -> None:
        self.algorithm = algorithm
        self.credential = credential
        self.signed_headers = tuple(signed_headers.lower().split(";"))
        self.signature = signature
        self.date = date
        self.in_query = in_query
        parts = credential.split("/")
        well_formed = len(parts) == 5
        self.key_id = parts[0] if well_formed else ""
        self.scope = tuple(parts[1:]) if well_formed else ()
        self.region = parts[2] if well_formed else ""


def quick_signer(head: Head) -> tuple[str, str] | None:
    """Key id and region of a header in the form that every SDK sends; None: look closely.

    Says nothing that `read_claim` and `check_form` would not; it only saves them the work.
    """
    if head.query or not head.header(b"x-amz-date"):
        return None
    match = _USUAL.match(head.headers.get(b"authorization", b""))
    return match and (match[1].decode(), match[2].decode())


def read_claim(head: Head) -> Claim:
    """The claim of a request, complete in form. Raises AuthenticationFailed."""
    authorization = head.header(b"authorization")
    query = (
        dict(parse_qsl(head.query.decode("latin-1"), keep_blank_values=True)) if head.query else {}
    )
    in_query = any(name in query for name in _QUERY_MEMBERS)
    if in_query and authorization is not None:
        raise AuthenticationFailed(
            "InvalidSignatureException",
            "Found both 'X-Amz-Algorithm' as a query-string param "
            "and 'Authorization' as HTTP header.",
        )
    if in_query:
        return _claim_of_query(query)
    if authorization is None or not authorization.startswith(b"AWS4-"):
        raise AuthenticationFailed(
            "MissingAuthenticationTokenException", "Request is missing Authentication Token"
        )
    date = head.header(b"x-amz-date") or head.header(b"date") or b""
    return _claim_of_header(authorization.decode("latin-1"), date.decode("latin-1"))


def _claim_of_header(authorization: str, date: str) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    members = {}
    for part in rest.split(","):
        name, _, value = part.partition("=")
        members[name.strip()] = value.strip()
    missing = [
        f"Authorization header requires '{name}' parameter. "
        for name in ("Credential", "Signature", "SignedHeaders")
        if not members.get(name)
    ]
    if not date:
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        )
    if missing:
        text = "".join(missing) + "Authorization=" + authorization
        raise AuthenticationFailed("IncompleteSignatureException", text)
    return Claim(
        algorithm,
        members["Credential"],
        members["SignedHeaders"],
        members["Signature"],
        date,
        in_query=False,
    )


def _claim_of_query(query: Mapping[str, str]) -> Claim:
    missing = [
        f"AWS query-string parameters must include '{name}'. "
        for name in _QUERY_MEMBERS
        if not query.get(name)
    ]
    if missing:
        text = "".join(missing) + "Re-examine the query-string parameters."
        raise AuthenticationFailed("IncompleteSignatureException", text)
    algorithm, credential, signature, signed_headers, date = (query[n] for n in _QUERY_MEMBERS)
    return Claim(algorithm, credential, signed_headers, signature, date, in_query=True)


def check_form(claim: Claim) -> None:
    """The algorithm, the credential's five parts, and a region that can stand in an ARN."""
    _check_parts(claim)
    if not _REGION.match(claim.region):
        raise AuthenticationFailed("InvalidSignatureException", _bad_region(claim.region))


def _check_parts(claim: Claim) -> None:
    if claim.algorithm != ALGORITHM:
        raise AuthenticationFailed(
            "IncompleteSignatureException",
            f"Unsupported AWS 'algorithm': '{claim.algorithm}' (only {ALGORITHM} for now). ",
        )
    if not claim.scope:
        raise AuthenticationFailed(
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{claim.credential}'",
        )


def _bad_region(region: str) -> str:
    return f"Credential should be scoped to a valid region, not '{region}'. "


class Verifier:
    """Verifies claims with given keys: access key id to secret. Thread-safe but for its cache,
    which may only lose.
    """

    def __init__(self, keys: Mapping[str, str], clock: Clock) -> None:
        self._keys = {key_id: secret.encode() for key_id, secret in keys.items()}
        self._clock = clock
        self._signing_keys: dict[tuple[str, ...], bytes] = {}

    def verify(self, claim: Claim, head: Head, body: bytes, service: str = "dynamodb") -> None:
        """Raises AuthenticationFailed unless `claim` is a known key's signature of this request."""
        _check_date(claim.date, self._clock.now_ms())
        if "host" not in claim.signed_headers:
            raise AuthenticationFailed("InvalidSignatureException", _unsigned("Host"))
        if head.call and "x-amz-target" not in claim.signed_headers:
            raise AuthenticationFailed("InvalidSignatureException", _unsigned("X-Amz-Target"))
        _check_parts(claim)
        _check_scope(claim, service)
        secret = self._keys.get(claim.key_id)
        if secret is None:
            raise AuthenticationFailed(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            )
        expected = self._signature(claim, head, body, secret)
        if not hmac.compare_digest(expected.encode(), claim.signature.encode("utf-8", "replace")):
            raise AuthenticationFailed(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. "
                "Consult the service documentation for details.",
            )

    def _signature(self, claim: Claim, head: Head, body: bytes, secret: bytes) -> str:
        request = canonical_request(claim, head, body)
        digest = hashlib.sha256(request.encode("latin-1", "replace")).hexdigest()
        text = "\n".join((ALGORITHM, claim.date, "/".join(claim.scope), digest))
        key = self._signing_key(claim, secret)
        return hmac.digest(key, text.encode("latin-1"), "sha256").hex()

    def _signing_key(self, claim: Claim, secret: bytes) -> bytes:
        place = (claim.key_id, *claim.scope)
        key = self._signing_keys.get(place)
        if key is None:
            key = b"AWS4" + secret
            for part in claim.scope:
                key = hmac.digest(key, part.encode("latin-1"), "sha256")
            if len(self._signing_keys) >= limits.SIGNING_KEY_CACHE_ENTRIES:
                self._signing_keys.clear()
            self._signing_keys[place] = key
        return key


def signed_headers(
    key_id: str,
    secret: str,
    host: str,
    path: str,
    body: bytes,
    clock: Clock,
    region: str,
    *,
    method: str = "POST",
    query: str = "",
    target: str = "",
) -> dict[str, str]:
    """The headers X-Amz-Date and Authorization of a request of ours, as `verify` wants them.

    `path` and `query` are as they are sent, percent-encoded; `target` is its X-Amz-Target, if it
    has one.
    """
    date = datetime.fromtimestamp(clock.now_ms() // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    head = Head()
    head.method, head.path, head.query = method.encode(), path.encode(), query.encode()
    head.headers = {b"host": host.encode(), b"x-amz-date": date.encode()}
    credential = f"{key_id}/{date[:8]}/{region}/dynamodb/aws4_request"
    names = "host;x-amz-date"
    if target:
        head.headers[b"x-amz-target"] = target.encode()
        names += ";x-amz-target"
    claim = Claim(ALGORITHM, credential, names, "", date, in_query=False)
    signature = Verifier({key_id: secret}, clock)._signature(claim, head, body, secret.encode())
    authorization = (
        f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return {"X-Amz-Date": date, "Authorization": authorization}


def _unsigned(header: str) -> str:
    return f"'{header}' must be a 'SignedHeader' in the AWS Authorization."


def _check_date(date: str, now_ms: int) -> None:
    if not _BASIC_DATE.match(date):
        raise AuthenticationFailed("IncompleteSignatureException", _bad_date(date))
    try:
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AuthenticationFailed("IncompleteSignatureException", _bad_date(date)) from None
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    age = timedelta(seconds=limits.SIGNATURE_AGE_SECONDS_MAX)
    minutes = limits.SIGNATURE_AGE_SECONDS_MAX // 60
    if signed_at < now - age:
        raise AuthenticationFailed(
            "InvalidSignatureException",
            f"Signature expired: {date} is now earlier than {_basic(now - age)} "
            f"({_basic(now)} - {minutes} min.)",
        )
    if signed_at > now + age:
        raise AuthenticationFailed(
            "InvalidSignatureException",
            f"Signature not yet current: {date} is still later than {_basic(now + age)} "
            f"({_basic(now)} + {minutes} min.)",
        )


def _bad_date(date: str) -> str:
    return f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"


def _basic(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _check_scope(claim: Claim, service: str) -> None:
    date, region, scoped_service, terminator = claim.scope
    text = ""
    if not _REGION.match(region):
        text += _bad_region(region)
    if scoped_service != service:
        text += f"Credential should be scoped to correct service: '{service}'. "
    if terminator != "aws4_request":
        text += (
            "Credential should be scoped with a valid terminator: "
            f"'aws4_request', not '{terminator}'. "
        )
    if date != claim.date[:8]:
        text += (
            "Date in Credential scope does not match YYYYMMDD "
            "from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{claim.date[:8]}', from '{claim.date}'."
        )
    if text:
        raise AuthenticationFailed("InvalidSignatureException", text)


def canonical_request(claim: Claim, head: Head, body: bytes) -> str:
    """The request as version 4 signs it. The payload's hash is that of the bytes received."""
    headers = ""
    for name in claim.signed_headers:
        value = head.headers.get(name.encode("latin-1", "replace"), b"").decode("latin-1")
        headers += f"{name}:{_SPACES.sub(' ', value.strip())}\n"
    return "\n".join(
        (
            head.method.decode("latin-1"),
            quote(head.path, safe="/~"),
            _canonical_query(head.query, without_signature=claim.in_query),
            headers,
            ";".join(claim.signed_headers),
            hashlib.sha256(body).hexdigest(),
        )
    )


def _canonical_query(query: bytes, *, without_signature: bool) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        if not (without_signature and name == "X-Amz-Signature")
    )
    return "&".join(f"{name}={value}" for name, value in pairs)
