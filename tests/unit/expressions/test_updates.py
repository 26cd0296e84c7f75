"""Updates at work: spec E.6 and I.2, and the new item against a model that works otherwise."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.attributes import read_attributes
from streamstore.errors import ValidationFailed
from streamstore.expressions import Update, bind
from streamstore.expressions.paths import find
from streamstore.expressions.updates import MISSING, WRONG_PATH, WRONG_TYPE

KEY = {"pk": {"S": "p"}}
S, N = {"S": "x"}, {"N": "1"}


def update(text: str, **values: Any) -> Update:
    given_values = {f":{key}": value for key, value in values.items()}
    reading = read_attributes(given_values, base64_binary=False) if values else None
    bound = bind(names=None, values=reading, update=text).update
    assert bound is not None
    return bound


def used(text: str, operands: dict[str, Any]) -> dict[str, Any]:
    """Those of the operands that a text names."""
    return {key: operands[key] for key in dict.fromkeys(re.findall(r":(\w+)", text))}


def applied(text: str, item: Any, **values: Any) -> Any:
    old = None if item is None else {**item, **KEY}
    before = deepcopy(old)
    new = update(text, **values).apply(old, KEY).new
    assert old == before, "the old item must not change"
    if new is None:
        return None
    assert new.items() >= KEY.items()
    return {name: value for name, value in new.items() if name not in KEY}


def numbers(*members: int) -> Any:
    return {"L": [{"N": str(member)} for member in members]}


@pytest.mark.parametrize(
    ("text", "item", "new"),
    [
        ("SET a = b, b = a", {"a": S, "b": N}, {"a": N, "b": S}),
        (
            "SET m.a = m.b, m.b = m.a",
            {"m": {"M": {"a": S, "b": N}}},
            {"m": {"M": {"a": N, "b": S}}},
        ),
        ("SET a = b REMOVE b", {"b": S}, {"a": S}),
        ("REMOVE b SET a = b", {"b": S}, {"a": S}),
        ("SET l[0] = l[2] REMOVE l[1]", {"l": numbers(0, 1, 2)}, {"l": numbers(2, 2)}),
        ("REMOVE l[2], l[0]", {"l": numbers(0, 1, 2, 3)}, {"l": numbers(1, 3)}),
        ("REMOVE l[0], l[7]", {"l": numbers(0)}, {"l": {"L": []}}),
        ("SET l[11] = m, l[10] = n", {"l": numbers(0), "m": S, "n": N}, None),
        ("SET l[1].a = n REMOVE l[0]", {"l": {"L": [S, {"M": {}}]}, "n": N}, None),
        ("SET a = if_not_exists(z, n)", {"z": {"NULL": True}, "n": N}, None),
        ("SET a = if_not_exists(b, if_not_exists(c.d, n))", {"n": N}, None),
        ("SET a = if_not_exists(n, zz)", {"n": N}, None),
        ("SET a = list_append(l, l)", {"l": numbers(1, 2)}, None),
        ("REMOVE a, m.b", {"m": {"M": {}}}, {"m": {"M": {}}}),
    ],
)
def test_everything_refers_to_the_item_before(text: str, item: Any, new: Any) -> None:
    expected = {
        "SET l[11] = m, l[10] = n": {"l": {"L": [{"N": "0"}, N, S]}, "m": S, "n": N},
        "SET l[1].a = n REMOVE l[0]": {"l": {"L": [{"M": {"a": N}}]}, "n": N},
        "SET a = if_not_exists(z, n)": {"z": {"NULL": True}, "n": N, "a": {"NULL": True}},
        "SET a = if_not_exists(b, if_not_exists(c.d, n))": {"n": N, "a": N},
        "SET a = if_not_exists(n, zz)": {"n": N, "a": N},
        "SET a = list_append(l, l)": {"l": numbers(1, 2), "a": numbers(1, 2, 1, 2)},
    }
    assert applied(text, item) == (expected[text] if new is None else new)


@pytest.mark.parametrize(
    ("text", "item", "operand", "new"),
    [
        ("ADD a :v", {}, {"N": "5"}, {"a": {"N": "5"}}),
        ("ADD a :v", {"a": {"N": "0.1"}}, {"N": "-0.1"}, {"a": {"N": "0"}}),
        ("ADD m.a :v", {"m": {"M": {}}}, {"SS": ["q"]}, {"m": {"M": {"a": {"SS": ["q"]}}}}),
        ("ADD a :v", {"a": {"SS": ["b", "z"]}}, {"SS": ["é", "a", "b"]}, None),
        ("ADD a :v", {"a": {"NS": ["2", "10"]}}, {"NS": ["9", "0.5"]}, None),
        ("ADD a :v", {"a": {"BS": [b"\x00"]}}, {"BS": [b"\xff", b"\x01"]}, None),
        ("ADD l[3] :v", {"l": numbers(0)}, {"N": "7"}, {"l": numbers(0, 7)}),
        ("ADD l[0] :v", {"l": numbers(1)}, {"N": "7"}, {"l": numbers(8)}),
        ("DELETE a :v", {"a": {"SS": ["a", "b"]}}, {"SS": ["b", "q"]}, {"a": {"SS": ["a"]}}),
        ("DELETE a :v", {"a": {"NS": ["1"]}, "b": S}, {"NS": ["1.0"]}, {"b": S}),
        ("DELETE m.a :v", {"m": {"M": {"a": {"BS": [b"x"]}}}}, {"BS": [b"x"]}, {"m": {"M": {}}}),
        ("DELETE l[0] :v", {"l": {"L": [{"SS": ["a"]}, S]}}, {"SS": ["a"]}, {"l": {"L": [S]}}),
        ("DELETE a :v", {}, {"SS": ["a"]}, {}),
        ("DELETE l[5] :v", {"l": numbers(0)}, {"SS": ["a"]}, {"l": numbers(0)}),
    ],
)
def test_add_and_delete(text: str, item: Any, operand: Any, new: Any) -> None:
    united = {
        "SS": {"a": {"SS": ["a", "b", "z", "é"]}},
        "NS": {"a": {"NS": ["0.5", "2", "9", "10"]}},
        "BS": {"a": {"BS": [b"\x00", b"\x01", b"\xff"]}},
    }
    (kind,) = operand
    assert applied(text, item, v=operand) == (united[kind] if new is None else new)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SET a = zz", MISSING),
        ("SET a = m.zz", MISSING),
        ("SET a = l[9]", MISSING),
        ("SET a = s.x", MISSING),
        ("SET a = if_not_exists(yy, zz)", MISSING),
        ("SET a = zz + s", MISSING),
        ("SET a = s + zz", WRONG_TYPE),
        ("SET a = list_append(l, zz)", MISSING),
        ("SET a = list_append(s, l)", WRONG_TYPE),
        ("SET a = list_append(l, m)", WRONG_TYPE),
        ("SET a = n - s", WRONG_TYPE),
        ("ADD s :n", WRONG_TYPE),
        ("ADD n :ss", WRONG_TYPE),
        ("ADD ss :ns", WRONG_TYPE),
        ("DELETE ss :ns", WRONG_TYPE),
        ("DELETE l :ss", WRONG_TYPE),
        ("SET zz.a = s", WRONG_PATH),
        ("SET m.zz.a = s", WRONG_PATH),
        ("SET s.a = n", WRONG_PATH),
        ("SET m[0] = s", WRONG_PATH),
        ("SET l.a = s", WRONG_PATH),
        ("SET ss[0] = s", WRONG_PATH),
        ("SET l[9].a = s", WRONG_PATH),
        ("SET l[9][0] = s", WRONG_PATH),
        ("REMOVE zz.a", WRONG_PATH),
        ("REMOVE s[0]", WRONG_PATH),
        ("ADD zz.a :n", WRONG_PATH),
        ("DELETE zz.a :ss", WRONG_PATH),
    ],
)
def test_faults_that_hang_on_the_item_are_not_prefixed(text: str, fault: str) -> None:
    item = {"s": S, "n": N, "l": numbers(0, 1), "m": {"M": {"x": S}}, "ss": {"SS": ["a"]}}
    operands = {"n": N, "ss": {"SS": ["a"]}, "ns": {"NS": ["1"]}}
    values = used(text, operands)
    with pytest.raises(ValidationFailed) as refused:
        applied(text, item, **values)
    assert refused.value.message == fault
    assert not refused.value.prefixed


def test_a_sum_out_of_range_is_a_fault_of_the_item_too() -> None:
    with pytest.raises(ValidationFailed, match="Number overflow") as refused:
        applied("ADD a :v", {"a": {"N": "9" + "0" * 125}}, v={"N": "9e125"})
    assert not refused.value.prefixed


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("SET a = pk", {"a": {"S": "p"}}),
        ("SET a = if_not_exists(a, pk)", {"a": {"S": "p"}}),
        ("ADD a :v", {"a": {"SS": ["q"]}}),
        ("SET b = pk REMOVE a", {"b": {"S": "p"}}),
        ("ADD b :v DELETE a :v", {"b": {"SS": ["q"]}}),
        ("REMOVE a", None),
        ("REMOVE a, l DELETE b :v", None),
        ("DELETE a :v", None),
    ],
)
def test_a_missing_item_is_created_by_set_and_add_alone(text: str, new: Any) -> None:
    values = used(text, {"v": {"SS": ["q"]}})
    assert applied(text, None, **values) == new


@pytest.mark.parametrize("text", ["REMOVE a.b", "DELETE a[0] :v", "SET a.b = pk", "ADD a.b :v"])
def test_a_missing_item_has_no_parents(text: str) -> None:
    values = used(text, {"v": {"SS": ["q"]}})
    with pytest.raises(ValidationFailed, match="invalid for update"):
        applied(text, None, **values)


BEFORE = {
    **KEY,
    "a": S,
    "l": numbers(0, 1, 2),
    "m": {"M": {"x": S, "y": {"M": {"z": N}}}},
    "ss": {"SS": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("SET a = ss", {"a": S}, {"a": {"SS": ["a", "b"]}}),
        ("SET a = a", {"a": S}, {"a": S}),
        ("SET q = a", {}, {"q": S}),
        ("SET m.x = a, m.y.q = a", {"m": {"M": {"x": S}}},
         {"m": {"M": {"x": S, "y": {"M": {"q": S}}}}}),
        ("SET l[2] = a, l[0] = a", {"l": numbers(0, 2)}, {"l": {"L": [S, S]}}),
        ("SET l[9] = a", {}, {}),
        ("SET l[3] = a", {}, {"l": {"L": [S]}}),
        ("SET l[3] = a, l[5] = m.y.z, l[4] = l", {}, {"l": {"L": [S, numbers(0, 1, 2), N]}}),
        ("SET l[4] = a, l[5] = ss", {}, {}),
        ("REMOVE l[0]", {"l": numbers(0)}, {}),
        ("REMOVE l[0] SET l[1] = a", {"l": numbers(0, 1)}, {"l": {"L": [S]}}),
        ("REMOVE a, m.y.z, q", {"a": S, "m": {"M": {"y": {"M": {"z": N}}}}}, {}),
        ("ADD m.y.z :n", {"m": {"M": {"y": {"M": {"z": N}}}}},
         {"m": {"M": {"y": {"M": {"z": {"N": "2"}}}}}}),
        ("DELETE ss :b", {"ss": {"SS": ["a", "b"]}}, {"ss": {"SS": ["a"]}}),
        ("DELETE ss :ab, q :b", {"ss": {"SS": ["a", "b"]}}, {}),
    ],
)  # fmt: skip
def test_updated_values_are_wrapped_in_their_paths(text: str, old: Any, new: Any) -> None:
    operands = {"n": N, "b": {"SS": ["b"]}, "ab": {"SS": ["a", "b"]}}
    bound = update(text, **used(text, operands))
    assert bound.updated_old(BEFORE) == old
    assert bound.updated_new(BEFORE, KEY) == new


def test_updated_values_of_a_missing_item() -> None:
    bound = update("SET a = pk REMOVE b")
    assert bound.updated_old(None) == {}
    assert bound.updated_new(None, KEY) == {"a": {"S": "p"}}
    assert update("REMOVE b").updated_new(None, KEY) == {}


def test_an_update_knows_its_targets_and_the_bytes_of_its_actions() -> None:
    bound = update("SET a.b[0] = c, d = e REMOVE f, g[1] ADD h :v", v=N)
    assert bound.targets == (("a", "b", 0), ("d",), ("f",), ("g", 1), ("h",))
    assert bound.top_names == {"a", "d", "f", "g", "h"}
    assert bound.action_bytes == 3 + 3 * 19 + 2 * 2


# A model: lists become maps from index to element, holes close at the end.

documents = st.recursive(
    st.sampled_from([S, N, {"N": "2.5"}, {"SS": ["a", "b"]}, {"NS": ["1"]}]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda drawn: {"L": drawn}),
        st.dictionaries(st.sampled_from("ab"), inner, min_size=1).map(lambda drawn: {"M": drawn}),
    ),
    max_leaves=6,
)
paths = st.sampled_from(
    ["a", "b", "c", "a.a", "a.b", "a[0]", "a[1]", "a[9]", "a[0].a", "b[0]", "b[4]", "b[5]", "b.a",
     "b[1][1]", "c.b.a"]
)  # fmt: skip
actions = st.one_of(
    st.tuples(
        st.just("SET"), paths, st.sampled_from([":s", "c", "b[0]", "if_not_exists(a.a, :s)"])
    ),
    st.tuples(st.just("REMOVE"), paths, st.none()),
    st.tuples(st.just("ADD"), paths, st.sampled_from([":n", ":ss"])),
    st.tuples(st.just("DELETE"), paths, st.just(":ss")),
)
OPERANDS: dict[str, Any] = {"s": {"S": "new"}, "n": {"N": "0.5"}, "ss": {"SS": ["b", "q"]}}


def opened(value: Any) -> Any:
    if "L" in value:
        return {"L": {at: opened(member) for at, member in enumerate(value["L"])}}
    if "M" in value:
        return {"M": {name: opened(member) for name, member in value["M"].items()}}
    return value


def closed(value: Any) -> Any:
    if "L" in value:
        return {"L": [closed(value["L"][at]) for at in sorted(value["L"])]}
    if "M" in value:
        return {"M": {name: closed(member) for name, member in value["M"].items()}}
    return value


def modelled(item: Any, chosen: list[tuple[str, Any, str | None]]) -> Any:
    """The new item, or None where the model finds a fault."""
    root = opened({"M": item})
    for section, path, operand in chosen:
        there = find(item, path)
        if section == "SET":
            source = {"c": find(item, ("c",)), "b[0]": find(item, ("b", 0))}
            if operand == "if_not_exists(a.a, :s)":
                result = find(item, ("a", "a")) or OPERANDS["s"]
            else:
                result = source.get(str(operand), OPERANDS.get(str(operand)[1:]))
            if result is None:
                return None
        elif section == "REMOVE":
            result = None
        else:
            wanted = OPERANDS[str(operand)[1:]]
            if there is not None and there.keys() != wanted.keys():
                return None
            if section == "DELETE":
                left = sorted(set((there or {"SS": []})["SS"]) - set(wanted["SS"]))
                result = {"SS": left} if left else None
            elif "N" in wanted:
                tenths = round(float((there or {"N": "0"})["N"]) * 10) + 5
                result = {"N": f"{tenths / 10:g}"}
            else:
                result = {"SS": sorted({*(there or wanted)["SS"], *wanted["SS"]})}
        place = root
        for step in path[:-1]:
            place = place.get("M" if isinstance(step, str) else "L", {}).get(step, {})
        inner = place.get("M" if isinstance(path[-1], str) else "L")
        if inner is None:
            return None
        if result is None:
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = opened(result)
    return closed(root)["M"]


def drawn_text(chosen: list[tuple[str, str, str | None]]) -> str:
    texts = []
    for section in ("SET", "REMOVE", "ADD", "DELETE"):
        joint = " = " if section == "SET" else " "
        mine = [p if o is None else p + joint + o for s, p, o in chosen if s == section]
        if mine:
            texts.append(f"{section} {', '.join(mine)}")
    return " ".join(texts)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), documents, max_size=3),
    st.lists(actions, min_size=1, max_size=4),
)
def test_the_new_item_is_that_of_a_model(item: Any, chosen: Any) -> None:
    text = drawn_text(chosen)
    try:
        bound = update(text, **used(text, OPERANDS))
    except ValidationFailed:
        return  # paths overlap
    by_section = sorted(
        chosen, key=lambda action: ("SET", "REMOVE", "ADD", "DELETE").index(action[0])
    )
    parsed = [
        (section, path, operand)
        for (section, _, operand), path in zip(by_section, bound.targets, strict=True)
    ]
    before = deepcopy(item)
    try:
        new = bound.apply(item, KEY).new
    except ValidationFailed:
        new = None
    assert new == modelled(item, parsed), text
    assert item == before
