"""HTML in which no text can become markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from streamstore.console.markup import Markup, document, element, table


class Read(HTMLParser):
    """What a browser would make of it: tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# HTML turns a carriage return into a line feed by itself.
texts = st.text(st.characters(exclude_characters="\r\0", exclude_categories=("Cs",)), max_size=40)


@given(texts, texts)
def test_texts_and_attributes_come_out_as_they_went_in_and_as_nothing_else(
    text: str, value: str
) -> None:
    read = Read(element("p", text, title=value))
    assert read.tags == [("p", {"title": value})]
    assert read.text == text


def test_markup_is_taken_as_it_is_and_what_only_looks_like_it_is_not() -> None:
    inner = element("b", "<i>")
    assert element("p", inner) == "<p><b>&lt;i&gt;</b></p>"
    assert element("p", str(inner)) == "<p>&lt;b&gt;&amp;lt;i&amp;gt;&lt;/b&gt;</p>"
    assert isinstance(inner, Markup)
    assert element("a", "x", class_="y", data_source="z", rel=None) == (
        '<a class="y" data-source="z">x</a>'
    )


def test_a_table_sets_numbers_apart_and_says_so_where_it_is_empty() -> None:
    assert Read(table(("a", "b"), [("x", 1)], "none")).tags[-1] == ("td", {"class": "number"})
    assert Read(table(("a",), [], "none <here>")).text == "none <here>"


def test_a_document_names_its_own_style_and_script_and_nothing_from_elsewhere() -> None:
    read = Read(document("<title>", "/home", "body").decode())
    links = [attrs.get("href") or attrs.get("src") for _, attrs in read.tags]
    assert {link for link in links if link} == {"/home/style.css", "/home/live.js", "/home"}
    assert "<title>" in read.text
