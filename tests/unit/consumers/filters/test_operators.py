"""What each form of a condition accepts and refuses: a row a form."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.consumers.filters import PatternInvalid, compile_pattern


class Absent:
    """No value at all. Its name is the same in every process, since it is part of tests' names."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()

# (condition, values it accepts, values it does not)
ACCEPTS: list[tuple[Any, list[Any], list[Any]]] = [
    ("v", ["v"], ["V", "v ", "", None, ABSENT, {"v": 1}]),
    ("", [""], [None, " ", ABSENT]),
    ("\u00e9", ["\u00e9"], ["e\u0301", "e"]),
    (None, [None], ["null", "", 0, False, ABSENT]),
    (True, [True], [1, 1.0, "true", False, ABSENT]),
    (False, [False], [0, 0.0, "", None, True]),
    (1, [1, 1.0], [True, "1", 2, 1.5]),
    (300, [300.0, 300, 3e2], [300.5, "300"]),
    (0, [0, 0.0, -0.0], [False, None, "0", ""]),
    (12345678901234567890, [12345678901234567890, 1.2345678901234567e19], [1]),
    ({"exactly": "v"}, ["v"], ["V", ABSENT]),
    ({"exists": True}, ["", 0, None, False, "x"], [ABSENT, {}, {"x": 1}, []]),
    ({"exists": False}, [ABSENT, {}, {"x": 1}, [], [[]], [{"x": 1}]], ["", None, [None], [0]]),
    ({"prefix": "ab"}, ["ab", "abc"], ["Ab", "a", "", 12, None, ABSENT]),
    ({"prefix": ""}, ["", "x"], [0, None, ABSENT]),
    ({"prefix": {"equals-ignore-case": "aB"}}, ["AB", "abc", "Abc"], ["a", "xab", None]),
    ({"suffix": "yz"}, ["yz", "xyz"], ["yzx", "z", 1]),
    ({"suffix": ""}, ["", "x"], [0, None, ABSENT]),
    ({"suffix": {"equals-ignore-case": ".PNG"}}, ["a.png", "b.PnG", ".png"], ["png", "a.pngx"]),
    ({"suffix": {"equals-ignore-case": "straße"}}, ["STRASSE", "x Straße"], ["strasse", "e"]),
    ({"equals-ignore-case": "Paid"}, ["paid", "PAID", "pAiD"], ["paids", "pai", 1, None]),
    ({"equals-ignore-case": "ÄÖ"}, ["äö", "Äö"], ["AO", "ae"]),
    ({"equals-ignore-case": "k.*"}, ["K.*", "k.*"], ["\u212a.*", "kab"]),
    ({"wildcard": "a*b"}, ["ab", "a-b", "aab", "abb", "a\nb"], ["a", "b", "abc", "xab", 1]),
    ({"wildcard": ""}, [""], ["x", None, ABSENT]),
    ({"wildcard": "*"}, ["", "x"], [1, None, ABSENT]),
    ({"wildcard": "aba*aba"}, ["abaaba", "abaxaba"], ["aba", "ababa"]),
    ({"wildcard": "*ab*b"}, ["abb", "xabxb"], ["ab", "b"]),
    ({"wildcard": "*x*x*"}, ["xx", "axbxc"], ["x", "axb"]),
    ({"wildcard": r"a\*b"}, ["a*b"], ["axb", r"a\*b"]),
    ({"wildcard": r"\\*"}, ["\\", "\\x"], ["x"]),
    ({"numeric": ["=", 5]}, [5, 5.0], [4, "5", True, None, ABSENT]),
    ({"numeric": [">", 0]}, [0.1, 1664559083.0, 10**400], [0, -1, "1", True]),
    ({"numeric": [">=", 5]}, [5, 6], [4.9]),
    ({"numeric": ["<", 5]}, [4, -(10**400)], [5]),
    ({"numeric": ["<=", 5]}, [5], [5.01]),
    ({"numeric": [">", 0, "<=", 5]}, [1, 5], [0, 5.1]),
    ({"numeric": [">=", 0, "<", 5]}, [0, 4], [5, -0.1]),
    ({"cidr": "10.0.0.0/24"}, ["10.0.0.0", "10.0.0.255", "010.0.0.1"], ["10.0.1.0", "x", "::1"]),
    ({"cidr": "10.0.0.77/24"}, ["10.0.0.1"], ["10.0.1.77"]),
    ({"cidr": "0.0.0.0/0"}, ["1.2.3.4"], ["1.2.3.256", "1.2.3", "::", "", 1]),
    ({"cidr": "2001:db8::/32"}, ["2001:db8::1", "2001:DB8:1::"], ["2001:db9::", "1.2.3.4", ":::"]),
    ({"anything-but": "x"}, ["y", "", None, 12, True], ["x", ABSENT, {"a": 1}, []]),
    ({"anything-but": ["x", "y"]}, ["z", 1], ["x", "y", ABSENT]),
    ({"anything-but": 5}, [4, "5", None], [5, 5.0]),
    ({"anything-but": [5, 6]}, [7, "5"], [5.0, 6]),
    ({"anything-but": {"prefix": "init"}}, ["x", 12, None], ["init", "initial", ABSENT]),
    ({"anything-but": {"prefix": ["a", "b"]}}, ["c"], ["ax", "b"]),
    ({"anything-but": {"suffix": "z"}}, ["zx", ""], ["z", "xz"]),
    ({"anything-but": {"equals-ignore-case": ["yes", "no"]}}, ["maybe", 1], ["YES", "No"]),
    ({"anything-but": {"wildcard": "*.tmp"}}, ["a.txt", 1], ["a.tmp", ".tmp"]),
    ({"anything-but": {"wildcard": ["a*", "*b"]}}, ["xy"], ["a", "xb"]),
]


@pytest.mark.parametrize(("condition", "accepted", "refused"), ACCEPTS, ids=lambda row: str(row))
def test_a_condition_accepts_what_the_grammar_says(
    condition: Any, accepted: list[Any], refused: list[Any]
) -> None:
    pattern = compile_pattern({"k": [condition]})
    for value, expected in [*((v, True) for v in accepted), *((v, False) for v in refused)]:
        record = {} if value is ABSENT else {"k": value}
        assert pattern.matches(record) is expected, record
        assert pattern.explain(record).matched is expected, record


PREFIX_OR_SUFFIX = "prefix/suffix match pattern must be a string"
ANYTHING_BUT_VALUE = "Value of anything-but must be an array or single string/number value."
MIXED = (
    "Inside anything but list, either all values are number or string, mixed type is not supported"
)
NOT_IN_LIST = "Inside anything but list, start|null|boolean is not supported."
NOT_IN_CASE_LIST = (
    "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
)
ONE_KEY = "Only one key allowed in match expression"
TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character "
    "sequences after a wildcard character"
)

REFUSED: list[tuple[Any, str]] = [
    ({}, "Match expression name not found"),
    ({"EXISTS": True}, "Unrecognized match type EXISTS"),
    ({"NUMERIC": ["=", 1]}, "Unrecognized match type NUMERIC"),
    ({"regex": "x"}, "Unrecognized match type regex"),
    ({"prefix": "a", "suffix": "b"}, ONE_KEY),
    ({"exists": "true"}, "exists match pattern must be either true or false."),
    ({"exists": None}, "exists match pattern must be either true or false."),
    ({"exists": [True]}, "exists match pattern must be either true or false."),
    ({"prefix": 1}, "prefix match pattern must be a string"),
    ({"prefix": ["a"]}, "prefix match pattern must be a string"),
    ({"prefix": {"equals-ignore-case": 1}}, "equals-ignore-case match pattern must be a string"),
    ({"prefix": {"wildcard": "a"}}, "Unsupported prefix pattern: wildcard"),
    ({"prefix": {}}, "Prefix expression name not found"),
    ({"suffix": None}, "suffix match pattern must be a string"),
    ({"suffix": {"prefix": "a"}}, "Unsupported suffix pattern: prefix"),
    ({"equals-ignore-case": 1}, "equals-ignore-case match pattern must be a string"),
    ({"equals-ignore-case": ["a"]}, "equals-ignore-case match pattern must be a string"),
    ({"wildcard": 1}, "wildcard match pattern must be a string"),
    ({"wildcard": "a**b"}, "Consecutive wildcard characters at pos 2"),
    ({"wildcard": "é**"}, "Consecutive wildcard characters at pos 3"),
    ({"wildcard": r"a\b"}, "Invalid escape character at pos 2"),
    ({"wildcard": "a\\"}, "Invalid escape character at pos 2"),
    ({"wildcard": "*a" * 60}, TOO_COMPLEX),
    ({"wildcard": "*" + "a" * 100}, TOO_COMPLEX),
    ({"numeric": 5}, "Value of numeric must be an array."),
    ({"numeric": [">", 1, ">", 2]}, "Bad numeric range operator: >"),
    ({"numeric": ["<", "1"]}, "Value of < must be numeric"),
    ({"numeric": ["<"]}, "Value of < must be numeric"),
    ({"numeric": ["=", True]}, "Value of equals must be numeric"),
    ({"numeric": [">", 1, "<="]}, "Value of <= must be numeric"),
    ({"numeric": ["=", 1, "=", 2]}, "Too many elements in numeric expression"),
    ({"numeric": ["<", 1, ">", 0]}, "Too many elements in numeric expression"),
    ({"numeric": [">", 1, "<", 5, "<", 6]}, "Too many terms in numeric range expression"),
    ({"numeric": [">", 5, "<", 1]}, "Bottom must be less than top"),
    ({"numeric": ["!=", 1]}, "Unrecognized numeric range operator: !="),
    ({"numeric": [1, ">"]}, "Invalid member in numeric match: 1"),
    ({"cidr": 1}, "prefix match pattern must be a string"),
    ({"cidr": "10.0.0.0"}, "Malformed CIDR, one '/' required"),
    ({"cidr": "10.0.0.0/8/9"}, "Malformed CIDR, one '/' required"),
    ({"cidr": "10.0.0.0/bad"}, "Malformed CIDR, mask bits must be an integer"),
    ({"cidr": "10.0.0.0/-1"}, "Malformed CIDR, mask bits must not be negative"),
    ({"cidr": "10.0.0.0/32"}, "IPv4 mask bits must be < 32"),
    ({"cidr": "::1/128"}, "IPv6 mask bits must be < 128"),
    ({"cidr": "xx.11.xx/8"}, "Nonstandard IP address: xx.11.xx"),
    ({"cidr": "10.0.0.256/8"}, "Nonstandard IP address: 10.0.0.256"),
    ({"anything-but": None}, ANYTHING_BUT_VALUE),
    ({"anything-but": True}, ANYTHING_BUT_VALUE),
    ({"anything-but": [None]}, NOT_IN_LIST),
    ({"anything-but": ["a", True]}, NOT_IN_LIST),
    ({"anything-but": [["a"]]}, NOT_IN_LIST),
    ({"anything-but": ["a", 1]}, MIXED),
    ({"anything-but": []}, MIXED),
    ({"anything-but": {"exists": True}}, "Unsupported anything-but pattern: exists"),
    ({"anything-but": {}}, "Anything-But expression name not found"),
    ({"anything-but": {"prefix": 1}}, PREFIX_OR_SUFFIX),
    ({"anything-but": {"suffix": [1]}}, PREFIX_OR_SUFFIX),
    ({"anything-but": {"prefix": ""}}, "Null prefix/suffix not allowed"),
    ({"anything-but": {"suffix": ["a", ""]}}, "Null prefix/suffix not allowed"),
    ({"anything-but": {"prefix": {"equals-ignore-case": "a"}}}, ANYTHING_BUT_VALUE),
    ({"anything-but": {"equals-ignore-case": 1}}, NOT_IN_CASE_LIST),
    ({"anything-but": {"equals-ignore-case": ["a", None]}}, NOT_IN_CASE_LIST),
    ({"anything-but": {"wildcard": 1}}, "wildcard match pattern must be a string"),
    ({"anything-but": {"wildcard": ["**"]}}, "Consecutive wildcard characters at pos 1"),
    ({"anything-but": {"prefix": []}}, "Empty arrays are not allowed"),
    (["nested"], "Match value must be String, number, true, false, or null"),
]


@pytest.mark.parametrize(("condition", "reason"), REFUSED, ids=lambda row: str(row)[:60])
def test_a_bad_condition_is_refused_with_the_reason_of_the_service(
    condition: Any, reason: str
) -> None:
    with pytest.raises(PatternInvalid) as refused:
        compile_pattern({"k": ["fine", condition]})
    assert refused.value.reason == reason
