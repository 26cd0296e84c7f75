"""The committed table of shapes is what botocore says today."""

from __future__ import annotations

import pytest

from streamstore.operations.shapes import generate, nodes


def test_the_committed_table_equals_what_botocore_says_so_drift_is_seen() -> None:
    pytest.importorskip("botocore")
    assert generate.generate() == nodes.model(), (
        "botocore's model has changed; run python -m streamstore.operations.shapes.generate"
        " and read the difference"
    )


def test_the_committed_text_is_what_the_generator_writes_one_shape_a_line() -> None:
    text = generate.TARGET.read_text(encoding="utf-8")
    assert generate.render(nodes.model()) == text
    assert '"TableArn": {"type": "string", "min": 1, "max": 1024}' in text
    assert max(text.count("\n"), 1) > len(nodes.model()["shapes"])


def test_shapes_that_two_services_describe_differently_are_refused() -> None:
    kept = {"Limit": {"type": "integer", "min": 2}}
    with pytest.raises(ValueError, match="differ on the shape Limit"):
        generate._collect({"Limit": {"type": "integer", "min": 1}}, "Limit", kept, set())
