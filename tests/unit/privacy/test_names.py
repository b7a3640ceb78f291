"""Names without a cue: the tagger, its training text, the recipe, and what masking makes of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.privacy.config import PrivacySection
from mlops.privacy.errors import PrivacyError
from mlops.privacy.masking import mask_table
from mlops.privacy.names import training
from mlops.privacy.names.corpus import LANGUAGES, examples, templates
from mlops.privacy.names.tables import ORIGINS, held_out, load
from mlops.privacy.names.tagger import Tagger, shipped
from mlops.privacy.names.tokens import sentences, tokens
from mlops.privacy.other_finders import finders, joined
from mlops.privacy.rows import MESSAGES
from mlops.privacy.spans import Finding


def _alone(text: str) -> list[Finding]:
    return shipped().tag([text])[0]


def _names(text: str, kind: str = "PERSON") -> list[str]:
    return [text[one.start : one.end] for one in shipped().tag([text])[0] if one.type == kind]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Please cancel the booking for Katarzyna Wiśniewska at 9.", "Katarzyna Wiśniewska"),
        ("please cancel the table for janelle okafor", "janelle okafor"),
        ("PLEASE SEND 200 DOLLARS TO ROSALBA MENDES", "ROSALBA MENDES"),
        ("I spoke to Takeshi Yamamoto last week about the refund.", "Takeshi Yamamoto"),
        ("Hola, la reserva a nombre de Lucía Fernández, por favor.", "Lucía Fernández"),
        ("Der Tisch ist für Jürgen Schäfer um 19 Uhr.", "Jürgen Schäfer"),
    ],
    ids=["no cue", "lower", "upper", "third person", "es", "de"],
)
def test_names_are_found_without_a_name_cue(text: str, name: str) -> None:
    assert name in _names(text)


def test_places_have_their_own_type() -> None:
    assert _names("We are flying to Copenhagen in June.", "LOCATION") == ["Copenhagen"]


@pytest.mark.parametrize(
    "text",
    [
        "My card was declined at the ATM and I need a new PIN before Monday.",
        "How do I top up with Apple Pay in March?",
        "Thanks, that is perfect. Have a nice day!",
        "WHY IS MY PAYMENT STILL PENDING",
        "is there a table for four tomorrow at 7 pm?",
    ],
)
def test_plain_chat_holds_no_name(text: str) -> None:
    assert shipped().tag([text]) == [[]]


def test_a_finding_says_where_how_sure_and_by_whom_without_the_value() -> None:
    (finding,) = shipped().tag(["My friend Oksana Shevchenko will call."])[0]
    assert (finding.start, finding.end, finding.type, finding.detector) == (10, 27, "PERSON", "names-crf")
    assert 0.4 <= finding.score <= 1
    assert finding.canonical == "oksana shevchenko"
    assert "Oksana" not in repr(finding)


def test_offsets_count_the_text_as_it_was_written() -> None:
    text = "😀 I spoke to M\u200baria Gonz\u200ba\u0301lez yesterday."
    found = [text[one.start : one.end] for one in shipped().tag([text])[0]]
    assert found
    assert all(piece.startswith("M\u200baria") for piece in found)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_text_is_tagged_in_bounds_and_the_same_alone_as_in_company(texts: list[str]) -> None:
    together = shipped().tag(texts)
    assert together == [_alone(text) for text in texts]
    for text, found in zip(texts, together, strict=True):
        ends = [0]
        for one in found:
            assert ends[-1] <= one.start < one.end <= len(text)
            ends.append(one.end)


@given(st.text(max_size=200))
def test_sentences_cover_the_text_and_hold_its_words(text: str) -> None:
    spans = sentences(text)
    assert "".join(text[start:end] for start, end in spans) == text
    for start, end in spans:
        assert all(text[token.start : token.end] == token.text for token in tokens(text, start, end))


def test_training_text_is_the_same_by_seed_and_labels_what_it_wrote() -> None:
    first, again = (list(examples(load(), 400, seed=3)) for _ in range(2))
    assert first == again
    assert first != list(examples(load(), 400, seed=4))
    for example in first:
        places = [0, *(place for start, end, _ in example.spans for place in (start, end)), len(example.text)]
        assert places == sorted(places)
        assert all(example.text[start:end].strip() for start, end, _ in example.spans)
    assert any(not example.spans for example in first)
    assert {kind for example in first for _, _, kind in example.spans} == {"PERSON", "LOCATION", "ORGANIZATION"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_can_be_filled(language: str) -> None:
    sections = templates(language)
    assert {"person", "place", "clean"} <= set(sections)
    for line in (line for lines in sections.values() for line in lines):
        assert line.count("(") == line.count(")"), line


def test_held_out_names_are_in_no_table_of_the_tagger() -> None:
    tables = load()
    names = [name for origin in ORIGINS for name in tables.last[origin] if held_out(name)]
    known = training.lexicon(tables).last
    elsewhere = sum(name.casefold() in known for name in names)
    assert len(names) > 500
    assert elsewhere < 0.05 * len(names)  # parts of double names that are not held out


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    manifests = [training.train(tmp_path / name, count=300, seed=1) for name in ("a", "b")]
    assert manifests[0] == manifests[1]
    for name in (training.MODEL, training.MANIFEST):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert Tagger(tmp_path / "a" / training.MODEL).tag(["hello"]) == [[]]


def test_the_shipped_model_is_the_one_its_manifest_names_and_small() -> None:
    root = files("mlops.privacy.names")
    model = (root / training.MODEL).read_bytes()
    manifest = json.loads((root / training.MANIFEST).read_text(encoding="utf-8"))
    assert manifest["model_sha256"] == hashlib.sha256(model).hexdigest()
    assert manifest["labelled_sentences"] == 0
    assert manifest["recipe_digest"] == training.recipe_digest()
    assert len(model) < 3_000_000


def test_the_recipe_learns_from_labelled_text(tmp_path: Path) -> None:
    text = "zorblat quimbo zorblat"
    labelled = tmp_path / "mine.jsonl"
    row = {"text": text, "spans": [{"start": 8, "end": 14, "type": "PERSON"}, {"start": 0, "end": 7, "type": "AGE"}]}
    labelled.write_text("\n".join([json.dumps(row)] * 60), encoding="utf-8")
    mine = training.read_examples(labelled)
    assert mine[0].spans == ((8, 14, "PERSON"),)
    training.train(tmp_path / "model", count=300, seed=1, labelled=mine)
    found = Tagger(tmp_path / "model" / training.MODEL).tag([text])[0]
    assert [(one.start, one.end) for one in found] == [(8, 14)]


def test_a_file_that_is_no_model_is_refused_without_being_quoted(tmp_path: Path) -> None:
    broken = tmp_path / "broken.crfsuite"
    broken.write_bytes(b"no model at all")
    for path in (broken, tmp_path / "missing.crfsuite"):
        with pytest.raises(PrivacyError, match="PRIVACY-040"):
            Tagger(path)


@pytest.mark.parametrize("piece", [".", "a", "A. ", "a-", "Anna ", "\n", "?!) ", "’", "🙂"])
def test_a_long_text_of_anything_is_tagged(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    (found,) = Tagger().tag([text])
    assert all(one.end <= len(text) for one in found)
    assert sum(end - start for start, end in sentences(text)) == len(text)


def test_what_detection_knows_by_its_form_stands_against_a_guess() -> None:
    mail = Finding(5, 20, "EMAIL_ADDRESS", 0.95, "email")
    guess = Finding(0, 12, "PERSON", 0.9, "names-crf", False, "anna", "Anna")

    def finder(texts: object) -> list[list[Finding]]:
        return [[guess]]

    def combined(known: list[Finding], **options: frozenset[str]) -> list[Finding]:
        return joined([known], ["…"], [finder], options.get("types", frozenset({"PERSON"})), options.get("allow", ()))[
            0
        ]

    assert combined([mail]) == [mail]
    assert combined([]) == [guess]
    assert combined([], allow=frozenset({"anna"})) == []
    assert combined([], types=frozenset({"LOCATION"})) == []
    assert finders("cues") == ()


@pytest.fixture
def masked() -> Callable[[str, list[str]], tuple[list[str], int]]:
    def run(names: str, texts: list[str]) -> tuple[list[str], int]:
        table = pa.table(
            {
                "record_id": ["0" * 16],
                "conversation_id": ["c"],
                "messages": pa.array([[{"role": "user", "content": text} for text in texts]], MESSAGES),
            }
        )
        result = mask_table(table, PrivacySection.model_validate({"names": names}))
        messages = result.table["messages"].to_pylist()[0]
        return [message["content"] for message in messages], result.report.residual_total

    return run


def test_masking_finds_a_bare_name_only_with_the_model(
    masked: Callable[[str, list[str]], tuple[list[str], int]],
) -> None:
    texts = ["Please move the table for Katarzyna Wiśniewska to nine.", "Katarzyna agrees. Thanks!"]
    assert masked("cues", texts)[0] == texts
    changed, residual = masked("model", texts)
    assert changed == ["Please move the table for <PERSON_1> to nine.", "<PERSON_1> agrees. Thanks!"]
    assert residual == 0
    assert masked("model", changed) == (changed, 0)
