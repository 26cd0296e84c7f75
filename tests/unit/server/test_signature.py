"""The form of credentials, and signatures as botocore makes them."""

from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.clock import ManualClock, SystemClock
from streamstore.errors import AuthenticationFailed
from streamstore.server.framing import Head, read_head
from streamstore.server.signature import Verifier, check_form, quick_signer, read_claim

KEYS = {"AKID": "s3cret", "OTHER": "else"}
FULL = (
    "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=abc"
)


def head_of(path: str = "/", **headers: str) -> Head:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return read_head("\r\n".join(lines).encode("latin-1"))


def authenticate(head: Head, verifier: Verifier | None = None, body: bytes = b"") -> None:
    claim = read_claim(head)
    if verifier is None:
        check_form(claim)
    else:
        verifier.verify(claim, head, body)


def refusal(head: Head, verifier: Verifier | None = None, body: bytes = b"") -> tuple[str, str]:
    with pytest.raises(AuthenticationFailed) as caught:
        authenticate(head, verifier, body)
    return caught.value.code, caught.value.message


DATED = {"X_Amz_Date": "20261124T030000Z"}
QUERY = (
    "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F1%2Fus-east-1%2Fdynamodb%2Faws4_request"
    "&X-Amz-Signature=s&X-Amz-SignedHeaders=host&X-Amz-Date=20261124T030000Z"
)


@pytest.mark.parametrize(
    ("head", "code", "text"),
    [
        (
            head_of(QUERY, Authorization=FULL),
            "InvalidSignatureException",
            (
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
                "header."
            ),
        ),
        (
            head_of(**DATED),
            "MissingAuthenticationTokenException",
            "Request is missing Authentication Token",
        ),
        (
            head_of(Authorization="Basic x", **DATED),
            "MissingAuthenticationTokenException",
            "Request is missing Authentication Token",
        ),
        (
            head_of(Authorization="AWS4-"),
            "IncompleteSignatureException",
            (
                "Authorization header requires 'Credential' parameter. "
                "Authorization header requires 'Signature' parameter. "
                "Authorization header requires 'SignedHeaders' parameter. "
                "Authorization header requires existence of either a 'X-Amz-Date' or a "
                "'Date' header. "
                "Authorization=AWS4-"
            ),
        ),
        (
            head_of(Authorization="AWS4-HMAC-SHA256 Credential=a, Signature=", **DATED),
            "IncompleteSignatureException",
            (
                "Authorization header requires 'Signature' parameter. "
                "Authorization header requires 'SignedHeaders' parameter. "
                "Authorization=AWS4-HMAC-SHA256 Credential=a, Signature="
            ),
        ),
        (
            head_of("/?X-Amz-Algorithm=x&X-Amz-Date=y"),
            "IncompleteSignatureException",
            (
                "AWS query-string parameters must include 'X-Amz-Credential'. "
                "AWS query-string parameters must include 'X-Amz-Signature'. "
                "AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
                "Re-examine the query-string parameters."
            ),
        ),
        (
            head_of(Authorization=FULL.replace("SHA256", "SHA512"), **DATED),
            "IncompleteSignatureException",
            "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now). ",
        ),
        (
            head_of(Authorization=FULL.replace("/20261124", ""), **DATED),
            "IncompleteSignatureException",
            (
                "Credential must have exactly 5 slash-delimited elements, e.g. "
                "keyid/date/region/service/term, got 'a/us-east-1/dynamodb/aws4_request'"
            ),
        ),
        (
            head_of(Authorization=FULL.replace("us-east-1", "a:b"), **DATED),
            "InvalidSignatureException",
            "Credential should be scoped to a valid region, not 'a:b'. ",
        ),
    ],
)
def test_credentials_of_bad_form_are_refused_with_the_services_text(
    head: Head, code: str, text: str
) -> None:
    assert refusal(head) == (code, text)


@pytest.mark.parametrize(
    "head",
    [
        head_of(Authorization=FULL, Date="whenever"),
        head_of(Authorization=FULL.replace(", ", ","), **DATED),
        head_of(Authorization=FULL.replace("dynamodb/aws4_request", "s3/x"), **DATED),
        head_of(QUERY),
    ],
)
def test_without_keys_only_the_form_counts(head: Head) -> None:
    claim = read_claim(head)
    check_form(claim)
    assert claim.region == "us-east-1"
    assert claim.key_id == "a"


# Verified signatures.


def signed(
    body: bytes = b'{"a": 1}',
    *,
    key: str = "AKID",
    secret: str = "s3cret",
    region: str = "eu-west-1",
    service: str = "dynamodb",
    path: str = "/",
    auth: type[SigV4Auth] = SigV4Auth,
    headers: dict[str, str] | None = None,
) -> list[str]:
    """The lines of a request's head as botocore signs it, now."""
    request = AWSRequest(
        "POST",
        f"http://localhost:8000{path}",
        headers={
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "DynamoDB_20120810.PutItem",
            **(headers or {}),
        },
        data=body,
    )
    auth(Credentials(key, secret), service, region).add_auth(request)
    target = request.url.removeprefix("http://localhost:8000")
    lines = [f"POST {target} HTTP/1.1", "Host: localhost:8000"]
    return lines + [f"{name}: {value}" for name, value in request.headers.items()]


def call_head(lines: list[str]) -> Head:
    head = read_head("\r\n".join(lines).encode())
    head.call = head.path == "/"
    return head


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(KEYS, SystemClock())


@pytest.mark.parametrize("path", ["/", "/?b=2&a=1&c", "/2015/a%20b/?x=%2F~"])
@pytest.mark.parametrize("region", ["us-east-1", "local"])
@pytest.mark.parametrize("headers", [{}, {"X-Two-Spaces": "a  b", "X-Utf": "é"}])
def test_what_botocore_signs_is_accepted(
    verifier: Verifier, path: str, region: str, headers: dict[str, str]
) -> None:
    for _ in range(2):
        head = call_head(signed(path=path, region=region, headers=headers))
        verifier.verify(read_claim(head), head, b'{"a": 1}')


def test_a_signature_in_the_query_is_accepted(verifier: Verifier) -> None:
    head = call_head(signed(b"", auth=SigV4QueryAuth, path="/?z=1"))
    verifier.verify(read_claim(head), head, b"")
    assert refusal(head, verifier, b"{}") == ("InvalidSignatureException", MISMATCH)


MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


def test_another_body_header_path_or_secret_is_a_mismatch(verifier: Verifier) -> None:
    lines = signed()
    assert refusal(call_head(lines), verifier, b'{"a": 2}')[1] == MISMATCH
    other = [line.replace("PutItem", "DeleteItem") for line in lines]
    assert refusal(call_head(other), verifier, b'{"a": 1}')[1] == MISMATCH
    other = [lines[0].replace("POST /", "POST /?a"), *lines[1:]]
    assert refusal(call_head(other), verifier, b'{"a": 1}')[1] == MISMATCH
    assert refusal(call_head(signed(secret="wrong")), verifier, b'{"a": 1}')[1] == MISMATCH
    assert refusal(call_head(signed(key="OTHER")), verifier, b'{"a": 1}')[1] == MISMATCH


def test_an_unknown_key_is_said_so(verifier: Verifier) -> None:
    assert refusal(call_head(signed(key="NOBODY")), verifier) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def test_every_wrong_part_of_the_scope_is_listed() -> None:
    authorization = (
        "AWS4-HMAC-SHA256 Credential=a/b/c:/d/e, "
        "SignedHeaders=host;x-amz-date;x-amz-target, Signature=x"
    )
    head = head_of(Authorization=authorization, X_Amz_Date="20130609T000000Z")
    clock = ManualClock(1_370_736_000_000)
    assert refusal(head, Verifier(KEYS, clock)) == (
        "InvalidSignatureException",
        (
            "Credential should be scoped to a valid region, not 'c:'. "
            "Credential should be scoped to correct service: 'dynamodb'. "
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. "
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: 'b' != '20130609', from '20130609T000000Z'."
        ),
    )


@pytest.mark.parametrize("date", ["yesterday", "20261301T000000Z", "2026-11-24T00:00:00Z", "²"])
def test_a_date_that_is_not_basic_is_refused(date: str) -> None:
    head = head_of(Authorization=FULL, X_Amz_Date=date)
    code, text = refusal(head, Verifier(KEYS, SystemClock()))
    assert code == "IncompleteSignatureException"
    assert text.startswith("Date must be in ISO-8601 'basic format'. Got '")


@pytest.mark.parametrize(
    ("shift_seconds", "text"),
    [
        (15 * 60, None),
        (
            15 * 60 + 1,
            (
                "Signature expired: 20261124T030000Z is now earlier than 20261124T030001Z "
                "(20261124T031501Z - 15 min.)"
            ),
        ),
        (-15 * 60, None),
        (
            -15 * 60 - 1,
            (
                "Signature not yet current: 20261124T030000Z is still later than 20261124T025959Z "
                "(20261124T024459Z + 15 min.)"
            ),
        ),
    ],
)
def test_a_signature_lives_fifteen_minutes_each_way(shift_seconds: int, text: str | None) -> None:
    signed_at = 1_795_489_200_000
    head = head_of(Authorization=FULL, **DATED)
    verifier = Verifier(KEYS, ManualClock(signed_at + shift_seconds * 1000))
    found = refusal(head, verifier)
    expected = ("InvalidSignatureException", text)
    assert found == expected if text else "security token" in found[1]


def test_host_and_target_must_be_signed() -> None:
    clock = ManualClock(1_795_489_200_000)
    head = head_of(Authorization=FULL.replace("host;", ""), **DATED)
    text = "'Host' must be a 'SignedHeader' in the AWS Authorization."
    assert refusal(head, Verifier(KEYS, clock)) == ("InvalidSignatureException", text)
    head = head_of(Authorization=FULL, **DATED)
    head.call = True
    text = "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."
    assert refusal(head, Verifier(KEYS, clock)) == ("InvalidSignatureException", text)


@settings(max_examples=200)
@given(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80
    ),
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=80
    ),
)
def test_no_header_or_query_at_all_crashes_the_reader(authorization: str, query: str) -> None:
    head = Head()
    head.headers = {
        b"authorization": f"AWS4-HMAC-SHA256 {authorization}".encode("latin-1"),
        b"x-amz-date": b"20261124T030000Z",
    }
    verifier = Verifier(KEYS, ManualClock(1_795_489_200_000))
    for credentials in (head, Head()):
        credentials.query = query.encode()
        with pytest.raises(AuthenticationFailed):
            authenticate(credentials, verifier)


PARTS = st.text("aZ09-_./,= :\u00e9", max_size=6)


@settings(max_examples=300)
@given(
    key=PARTS | st.just("AKID"),
    region=PARTS | st.just("us-east-1"),
    date=st.sampled_from(["20261124", "", "x"]),
    rest=st.sampled_from(["dynamodb/aws4_request", "dynamodb/aws4_request/", "s3/aws4_request"]),
    comma=st.sampled_from([", ", ",", " ,"]),
    signature=st.sampled_from(["0aF", "", "a b", "a,Credential=b/1/c/d/aws4_request"]),
)
def test_the_quick_look_says_nothing_that_the_close_one_would_not(
    key: str, region: str, date: str, rest: str, comma: str, signature: str
) -> None:
    credential = f"AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/{rest}"
    signed = f"{comma}SignedHeaders=host;x-amz-date{comma}Signature={signature}"
    head = Head()
    head.headers = {b"authorization": (credential + signed).encode("latin-1"), b"x-amz-date": b"x"}
    quick = quick_signer(head)
    if quick is None:
        return
    claim = read_claim(head)
    check_form(claim)
    assert quick == (claim.key_id, claim.region)


def test_the_quick_look_knows_what_sdks_send() -> None:
    assert quick_signer(call_head(signed(region="eu-west-1"))) == ("AKID", "eu-west-1")
    assert quick_signer(head_of(Authorization=FULL, **DATED)) == ("a", "us-east-1")
    assert quick_signer(head_of(Authorization=FULL)) is None
    assert quick_signer(head_of(QUERY, Authorization=FULL, **DATED)) is None


def test_the_cache_of_signing_keys_is_bounded(verifier: Verifier) -> None:
    for number in range(150):
        head = call_head(signed(region=f"r{number}"))
        verifier.verify(read_claim(head), head, b'{"a": 1}')
    assert len(verifier._signing_keys) <= 64
