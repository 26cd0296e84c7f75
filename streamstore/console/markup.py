"""HTML in which every text is escaped, unless it says by its type that it is HTML already."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_EMPTY = frozenset(("link", "meta", "img"))


class Markup(str):
    """A piece of HTML."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. Children that are no Markup are escaped texts; an attribute's name may end with
    _ where Python needs that, has _ for -, and is left out where its value is None.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{''.join(map(_of, children))}</{name}>")


def table(headings: Iterable[str], rows: Iterable[Iterable[object]], empty: str) -> Markup:
    """A table; the text `empty` where it has no rows. Numbers are set to the right."""
    body = [element("tr", *(_cell(value) for value in row)) for row in rows]
    if not body:
        return element("p", empty, class_="empty")
    head = element("tr", *(element("th", heading) for heading in headings))
    return element("table", element("thead", head), element("tbody", *body))


def document(title: str, home: str, *body: object) -> bytes:
    """A whole page. Its style and script are `home`/style.css and `home`/live.js."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", title),
        element("link", rel="stylesheet", href=f"{home}/style.css"),
        element("script", src=f"{home}/live.js", defer=""),
    )
    top = element("header", element("a", "streamstore", href=home))
    page = element("html", head, element("body", top, element("main", *body)), lang="en")
    return f"<!doctype html>\n{page}\n".encode()


def _cell(value: object) -> Markup:
    return element("td", value, class_="number" if isinstance(value, int | float) else None)


def _of(child: object) -> str:
    return child if isinstance(child, Markup) else escape(str(child), quote=False)
