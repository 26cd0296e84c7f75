"""Numbers: the grammar, the normal form, its limits, exact arithmetic, order and size."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec import numbers
from streamstore.errors import ValidationFailed

bounded = settings(max_examples=200, deadline=None, database=None)
WIDE = Context(prec=2000, Emin=-9_999_999, Emax=9_999_999)
NINES = "9" * 38

digit_runs = st.text(alphabet="0123456789", max_size=45)
exponents = st.one_of(st.just(""), st.integers(-180, 180).map(lambda e: f"e{e}"), st.just("E+0007"))


@st.composite
def number_texts(draw: st.DrawFn) -> str:
    """Any text of the grammar, in range or not."""
    whole, fraction = draw(digit_runs), draw(digit_runs)
    point = draw(st.sampled_from(["", "."]))
    if not point:
        whole, fraction = whole or "0", ""
    elif not whole and not fraction:
        whole = "0"
    return draw(st.sampled_from(["", "+", "-"])) + whole + point + fraction + draw(exponents)


@st.composite
def normal_numbers(draw: st.DrawFn) -> str:
    """Normal forms over the whole range, 0 included."""
    digits = draw(st.integers(0, 10**38 - 1))
    adjusted = draw(st.one_of(st.integers(-130, 125), st.integers(-3, 3)))
    sign = draw(st.sampled_from(["", "-"]))
    return numbers.normalise(f"{sign}{digits}E{adjusted - len(str(digits)) + 1}")


def expected_normal_form(text: str) -> str:
    """What decimal makes of the text; the refusal's text where the service refuses."""
    value = WIDE.create_decimal(text)
    if not value:
        return "0"
    value = value.normalize(WIDE)
    if value.adjusted() > 125:
        return numbers.OVERFLOW
    if value.adjusted() < -130:
        return numbers.UNDERFLOW
    if len(value.as_tuple().digits) > 38:
        return numbers.TOO_PRECISE
    return format(value, "f")


@bounded
@given(number_texts())
def test_every_text_of_the_grammar_is_read_as_decimal_reads_it(text: str) -> None:
    try:
        found = numbers.normalise(text)
    except ValidationFailed as refusal:
        found = refusal.message if not refusal.prefixed else "prefixed"
    assert found == expected_normal_form(text)


@bounded
@given(normal_numbers())
def test_a_normal_form_is_read_as_itself_and_has_no_other_spelling(number: str) -> None:
    assert numbers.normalise(number) == number
    sign, body = ("-", number[1:]) if number[0] == "-" else ("", number)
    assert numbers.normalise(f"{sign}00{body}") == number
    assert numbers.normalise(f"{sign}{body}{'0' if '.' in body else '.0'}") == number
    assert numbers.normalise(f"{sign}{body}e0") == number


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("1E+2", "100"),
        ("1.50", "1.5"),
        ("1E-5", "0.00001"),
        ("5.", "5"),
        (".5", "0.5"),
        ("+1", "1"),
        ("00012", "12"),
        ("1e+0125", "1" + "0" * 125),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E500", "0"),
        ("0E" + "9" * 10_000, "0"),
        ("1E-130", "0." + "0" * 129 + "1"),
        (f"9.{NINES[1:]}E125", NINES + "0" * 88),
        (NINES + "00", NINES + "00"),
        ("0." + "0" * 50 + NINES, "0." + "0" * 50 + NINES),
        ("1" + "0" * 200 + "E-200", "1"),
        ("-007.250", "-7.25"),
    ],
)
def test_normal_form_of(text: str, normal: str) -> None:
    assert numbers.normalise(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        " 1",
        "1 ",
        "1\n",
        "",
        "-",
        "+",
        ".",
        "e5",
        "1e",
        "1e+",
        "--1",
        "0x10",
        "NaN",
        "1_0",
        "Infinity",
        "-inf",
        "1.2.3",
        "1,5",
        "٣",
        "1٣",
        "²",
        "1.٣",
        "1e٣",
        "\x001",
        "1.5-",
        "sNaN",
    ],
)
def test_what_is_no_number_is_named_as_it_was_sent(text: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        numbers.normalise(text)
    wanted = "The parameter cannot be converted to a numeric value"
    assert refusal.value.message == (f"{wanted}: {text}" if text else wanted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1E126", numbers.OVERFLOW),
        ("-1E126", numbers.OVERFLOW),
        ("1E" + "9" * 5000, numbers.OVERFLOW),
        ("1" * 127, numbers.OVERFLOW),
        ("9E-131", numbers.UNDERFLOW),
        ("1E-" + "9" * 5000, numbers.UNDERFLOW),
        ("0." + "0" * 130 + "1" * 50, numbers.UNDERFLOW),
        ("1" * 39, numbers.TOO_PRECISE),
        ("0." + "1" * 39, numbers.TOO_PRECISE),
        ("1" + "0" * 37 + ".1", numbers.TOO_PRECISE),
    ],
)
def test_out_of_range_comes_before_too_precise(text: str, message: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        numbers.normalise(text)
    assert refusal.value.message == message


@pytest.mark.parametrize(
    ("number", "size"),
    [
        ("0", 1),
        ("7", 2),
        ("42", 2),
        ("507", 3),
        ("9000", 2),
        ("10.01", 3),
        ("12.5", 3),
        ("0.007", 2),
        ("0.0123", 3),
        ("-8.25", 4),
        ("-300", 3),
        (NINES, 20),
        ("-" + NINES, 21),
        ("1" + "0" * 125, 2),
        ("0." + "0" * 129 + "1", 2),
    ],
)
def test_size_of(number: str, size: int) -> None:
    assert numbers.size(number) == size


@bounded
@given(number_texts())
def test_size_follows_from_the_value_and_not_from_its_spelling(text: str) -> None:
    try:
        normal, size = numbers.read(text)
    except ValidationFailed:
        return
    whole, _, fraction = normal.lstrip("-").partition(".")
    if not fraction:
        whole = whole.rstrip("0")
    if not whole.strip("0"):
        whole, fraction = "", fraction.lstrip("0")
    assert size == 1 + -(-len(whole) // 2) + -(-len(fraction) // 2) + normal.startswith("-")


def outcome_of_sum(value: Fraction) -> str:
    """The normal form of an exact value that has a finite decimal form, or the refusal."""
    scaled = value * 10**400
    assert scaled.denominator == 1
    return expected_normal_form(f"{scaled.numerator}E-400")


@bounded
@given(normal_numbers(), normal_numbers())
def test_sums_and_differences_are_exact(left: str, right: str) -> None:
    for operation, value in (
        (numbers.add, Fraction(left) + Fraction(right)),
        (numbers.subtract, Fraction(left) - Fraction(right)),
    ):
        try:
            found = operation(left, right)
        except ValidationFailed as refusal:
            found = refusal.message
        assert found == outcome_of_sum(value)


@bounded
@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-(10**12), 10**12))
def test_sums_of_integers_are_exact(left: int, right: int) -> None:
    try:
        found = numbers.add(str(numbers.normalise(str(left))), str(right))
    except ValidationFailed as refusal:
        found = refusal.message
    assert found == expected_normal_form(str(left + right))


@bounded
@given(normal_numbers())
def test_zero_changes_nothing_and_a_number_less_itself_is_zero(number: str) -> None:
    assert numbers.add(number, "0") == numbers.add("0", number) == number
    assert numbers.subtract(number, "0") == number
    assert numbers.subtract(number, number) == "0"
    assert numbers.subtract("0", numbers.subtract("0", number)) == number


def test_a_sum_of_more_than_38_digits_is_refused() -> None:
    with pytest.raises(ValidationFailed, match="more than 38 significant digits"):
        numbers.add("1" + "0" * 38, "1")
    with pytest.raises(ValidationFailed, match="more than 38 significant digits"):
        numbers.add(NINES, "2")
    assert numbers.add(NINES, "1") == "1" + "0" * 38
    with pytest.raises(ValidationFailed, match="Number overflow"):
        numbers.add("9" + "0" * 125, "9" + "0" * 125)
    with pytest.raises(ValidationFailed, match="Number underflow"):
        numbers.subtract("0." + "0" * 129 + "11", "0." + "0" * 129 + "1")


@bounded
@given(normal_numbers(), normal_numbers())
def test_order_is_numeric_at_full_precision(left: str, right: str) -> None:
    expected = (Decimal(left) > Decimal(right)) - (Decimal(left) < Decimal(right))
    assert numbers.compare(left, right) == expected
    assert numbers.compare(right, left) == -expected
    assert numbers.compare(left, left) == 0


@bounded
@given(st.lists(normal_numbers(), max_size=8), st.lists(st.integers().map(str), max_size=8))
def test_ascending_sorts_by_value(mixed: list[str], integers: list[str]) -> None:
    assert numbers.ascending(mixed) == sorted(mixed, key=Decimal)
    assert numbers.ascending(integers) == sorted(integers, key=int)


def test_ascending_tells_the_38th_digit_apart() -> None:
    close = [f"0.{NINES[:-1]}{last}" for last in "132"]
    assert numbers.ascending(close) == sorted(close)
    assert numbers.compare(close[0], close[1]) == -1
