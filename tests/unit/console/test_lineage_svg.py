"""The lineage as SVG: well-formed, every shard a box, parents beside all that came of them."""

from __future__ import annotations

from xml.etree import ElementTree

import streamstore
from streamstore.console.lineage_svg import draw

SVG = "{http://www.w3.org/2000/svg}"


def lineage() -> list[object]:
    with streamstore.open(background=False, split_policy="manual", first_partitions=2) as store:
        store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        for _ in range(5):
            store.split_shard("orders")
        store.client.put_item(TableName="orders", Item={"id": {"S": "a"}})
        store.roll_shard("orders", store.engine.catalog.table("orders").open_shards[0].name)
        return list(store.shards("orders"))


def box(group: ElementTree.Element) -> tuple[int, int, int, int]:
    rect = group.find(f"{SVG}rect")
    assert rect is not None
    x, y, width, height = (int(rect.attrib[name]) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def test_every_shard_is_a_box_beside_its_parent_and_none_overlap() -> None:
    shards = lineage()
    root = ElementTree.fromstring(draw("orders <1>", shards))  # type: ignore[arg-type]
    groups = root.findall(f"{SVG}g")
    boxes = {}
    for group in groups:
        name = group.find(f"{SVG}text[@class='name']")
        assert name is not None
        boxes[name.text] = (box(group), group.attrib["class"])
    assert set(boxes) == {s.info.name for s in shards}  # type: ignore[attr-defined]
    for shard in shards:
        info = shard.info  # type: ignore[attr-defined]
        (x, y, right, bottom), kind = boxes[info.name]
        assert kind == ("open" if info.closed_ms is None else "closed")
        assert right <= int(root.attrib["width"])
        assert bottom <= int(root.attrib["height"])
        if info.parent_name is not None:
            (_, top, beside, deep), _ = boxes[info.parent_name]
            assert beside < x
            assert top <= y
            assert bottom <= deep
    places = [found for found, _ in boxes.values()]
    for at, (x, y, right, bottom) in enumerate(places):
        for left, top, end, low in places[at + 1 :]:
            assert end <= x or right <= left or low <= y or bottom <= top


def test_a_box_tells_range_records_bytes_and_the_rate_where_it_is_known() -> None:
    shards = lineage()
    written = next(s for s in shards if s.record_count)  # type: ignore[attr-defined]
    text = draw("orders", shards, {written.info.name: 12.34})  # type: ignore[arg-type,attr-defined]
    info = written.info  # type: ignore[attr-defined]
    assert f"{info.range_start.hex()[:8]}-{info.range_end.hex()[:8]}" in text
    assert f"1 records  {written.byte_count} B  12.3 units/s" in text  # type: ignore[attr-defined]
    assert text.count("units/s") == 2  # in the box and where one points at it


def test_a_stream_without_shards_and_a_gone_parent_are_drawn() -> None:
    assert ElementTree.fromstring(draw("none", [])).find(f"{SVG}g") is None
    orphans = lineage()[1:]
    assert "is gone" in draw("orders", orphans)  # type: ignore[arg-type]
