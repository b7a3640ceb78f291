"""The HTML report: complete, self-contained, escaped, deterministic."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from mlops.evaluation.config import GateSection
from mlops.evaluation.gate import judge
from mlops.evaluation.report import gate_report
from mlops.evaluation.scores import ExampleScores
from mlops.evaluation.verdict import Verdict

ATTACK = "<script>alert('x')</script>&\"'><img src=x onerror=y>"
VOID = {"meta", "br", "rect", "line", "circle"}


class Page(HTMLParser):
    """Collects elements and attributes and checks that everything that opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    random = np.random.default_rng(1)
    ids = {"example_id": [f"e{i:03d}" for i in range(250)], "cluster": [f"c{i}" for i in range(250)]}
    models = {}
    for name, share in (("candidate", 0.8), ("base", 0.4)):
        columns = {
            "ticket_exact_match": (random.uniform(size=250) < share).astype(float),
            "valid_json": np.ones(250),
            "pii_leak": np.zeros(250),
        }
        models[name] = ExampleScores(name, "h", pa.table({**ids, **columns}))
    section = GateSection.model_validate(
        {
            "name": ATTACK,
            "metrics": [
                {
                    "id": "ticket_exact_match",
                    "floor": 0.6,
                    "versus": [{"against": "base", "margin": 0.1}, {"against": "champion"}],
                },
                {"id": "valid_json", "tier": "advisory", "floor": 0.9},
                {"id": "pii_leak", "tier": "veto", "ceiling": 0.001},
                {"id": "reply_f1", "tier": "advisory", "floor": 0.5},
            ],
        }
    )
    return judge(section, models, no_champion=True)


def test_the_page_loads_nothing_and_runs_nothing(verdict: Verdict) -> None:
    text = gate_report(verdict, {"use case": ATTACK, ATTACK: "value"})
    page = Page(text)
    assert not page.open
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.seen)
    assert not [name for name, _ in page.attributes if name in {"src", "href", "srcset", "action"} or name[:2] == "on"]
    for forbidden in ("http:", "https:", "//", "@import", "url(", "<script", "<img"):
        assert forbidden not in text


def test_text_from_outside_is_shown_and_never_markup(verdict: Verdict) -> None:
    text = gate_report(verdict, {"use case": ATTACK})
    assert ATTACK not in text
    assert Page(text).text.count(ATTACK) >= 2


def test_every_rule_is_on_the_page_with_its_plot_and_numbers(verdict: Verdict) -> None:
    text = gate_report(verdict, {})
    page = Page(text)
    for metric in verdict.metrics:
        assert metric.id in page.text
        assert metric.rule in page.text
    assert page.text.count("SKIPPED") == 1
    assert page.seen.count("svg") == sum(metric.interval is not None for metric in verdict.metrics) == 4
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert all("threshold" in label for label in labels)
    assert len(labels) == 4
    assert "needed 2995" in page.text
    assert "250 examples, 250 conversations" in page.text
    assert "prefers-color-scheme:dark" in text


def test_every_mark_of_a_plot_lies_within_its_frame(verdict: Verdict) -> None:
    page = Page(gate_report(verdict, {}))
    places = [float(value) for name, value in page.attributes if name in {"x", "x1", "x2", "cx"}]
    assert places
    assert all(0 <= place <= 360 for place in places)
    assert all(float(value) >= 0 for name, value in page.attributes if name == "width" and value.isdigit())


def test_the_page_is_a_function_of_its_input(verdict: Verdict) -> None:
    assert gate_report(verdict, {"run": "1"}) == gate_report(verdict, {"run": "1"})
    assert gate_report(verdict, {"run": "1"}) != gate_report(verdict, {"run": "2"})


def test_a_note_is_escaped_too(verdict: Verdict) -> None:
    noted = replace(verdict, gate="g", metrics=(replace(verdict.metrics[0], note=ATTACK),))
    text = gate_report(noted, {})
    assert ATTACK not in text
    assert ATTACK in Page(text).text
