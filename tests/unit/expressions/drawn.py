"""Random conditions, as texts: over the paths and operands that a test names."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

Texts = st.SearchStrategy[str]


def simple_conditions(paths: Texts, operands: Texts) -> Texts:
    """Comparisons, BETWEEN, IN and every function that gives a truth."""
    return st.one_of(
        st.tuples(operands, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands).map(
            " ".join
        ),
        st.tuples(operands, operands, operands).map(lambda t: f"{t[0]} BETWEEN {t[1]} AND {t[2]}"),
        st.tuples(operands, operands, operands).map(lambda t: f"{t[0]} IN ({t[1]}, {t[2]})"),
        st.tuples(st.sampled_from(["attribute_exists", "attribute_not_exists"]), paths).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(
            st.sampled_from(["contains", "begins_with", "attribute_type"]), operands, operands
        ).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    )


def joined_conditions(simple: Texts, bare: Callable[[Texts], Texts]) -> Texts:
    """Those under NOT, AND and OR; `bare` joins some without parentheses."""
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            inner.map("NOT ({})".format),
            st.tuples(
                st.lists(inner, min_size=2, max_size=3), st.sampled_from([" AND ", " OR "])
            ).map(lambda t: t[1].join(f"({text})" for text in t[0])),
            bare(inner),
        ),
        max_leaves=5,
    )
