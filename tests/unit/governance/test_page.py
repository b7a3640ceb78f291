"""The frame that all pages about contracts share."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from mlops.governance.page import facts, page, table, verdict

HOSTILE = '"><script>alert(1)</script>&amp;'


class Names(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def tags(html: str) -> list[str]:
    parser = Names()
    parser.feed(html)
    return parser.tags


def test_title_is_text():
    assert "script" not in tags(page(HOSTILE, "<p>body</p>"))


def test_cells_of_the_builders_that_take_plain_text_are_escaped():
    html = table([HOSTILE], [["a"]]) + facts([(HOSTILE, "b")]) + verdict(HOSTILE, HOSTILE, "good")
    assert "script" not in tags(html)


def test_body_and_way_up_are_shown_as_given():
    html = page("t", "<p>body</p>", up='<a href="index.html">All</a>')
    assert "<p>body</p>" in html
    assert '<p class="up screen"><a href="index.html">All</a></p>' in html


def test_without_a_script_no_script_may_run():
    html = page("t", "")
    assert "script-src 'none'" in html
    assert "default-src 'none'" in html
    assert "script" not in tags(html)


def test_only_the_script_given_may_run():
    html = page("t", "", script="let a = '<ü>';\n")
    (source,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


@pytest.mark.parametrize("reference", ["http", "url(", "@import", "src=", "<link"])
def test_nothing_is_loaded(reference: str):
    html = re.sub(r"img-src data:|script-src|style-src|default-src", "", page("t", "<p>b</p>", script="let a;"))
    assert reference not in html.replace("http-equiv", "")


def test_classes_say_how_a_column_is_set():
    html = table(["a", "b"], [["1", "2"]], ["", "r"])
    assert '<th scope="row">1</th><td class="r">2</td>' in html
    assert '<th scope="col">a</th><th scope="col" class="r">b</th>' in html


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="zip"):
        table(["a", "b"], [["1"]])
