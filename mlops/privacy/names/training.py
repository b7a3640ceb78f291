"""The recipe: training text → features → conditional random field → model, vocabulary and manifest.

L-BFGS with L1 and L2 penalties (Okazaki, CRFsuite, 2007; Lafferty et al., ICML 2001). One thread, no clock, no
machine: the same inputs give the same bytes.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from mlops.artifacts import canonical_json, write_atomic
from mlops.privacy.names.corpus import Example, examples, fixed_words
from mlops.privacy.names.features import Lexicon, Reader
from mlops.privacy.names.tables import Tables, held_out, load
from mlops.privacy.names.tokens import MOST_TOKENS, Token, sentences, tokens

MODEL = "names.crfsuite"
MANIFEST = "names.json"
SENTENCES = 60_000
SEED = 20_25
PENALTIES = {"c1": 0.25, "c2": 0.02, "max_iterations": 90}
# How often the words of a sentence's names may be read as if no table held them (each of them then is, as often), and
# an ordinary word as if it were unknown: in the world most names are in no table, many words in no vocabulary.
_UNLISTED = 0.7
_UNKNOWN = 0.16


def lexicon(tables: Tables) -> Lexicon:
    """What the tagger may look up: fixed words, ordinary words, and the table names that are not held out."""

    def single(names: Iterable[str]) -> frozenset[str]:
        return frozenset(
            token.text.casefold()
            for name in names
            if not held_out(name)
            for token in tokens(name)
            if len(token.text) > 2
        )

    plain = fixed_words() | {
        token.text.casefold() for name in (*tables.words, *tables.countries) for token in tokens(name)
    }
    first = single(name for names in tables.first.values() for name in names)
    last = single(name for names in tables.last.values() for name in names)
    place, company = single(tables.cities), single(tables.companies)
    return Lexicon(vocabulary=frozenset(plain), first=first, last=last, place=place - plain, company=company - plain)


def train(folder: Path, count: int = SENTENCES, seed: int = SEED, labelled: Sequence[Example] = ()) -> dict[str, Any]:
    """Write the model and its manifest to `folder`.

    Args:
        count: how many sentences are written from the templates.
        seed: of the sentences and of what is hidden from the reader.
        labelled: the user's own sentences, used beside the written ones.

    Returns:
        The manifest: digest of the recipe, seed, sizes. It holds no date and no sentence.
    """
    import pycrfsuite

    recipe = recipe_digest()
    tables = load()
    reader = Reader(lexicon(tables))
    chance = random.Random(seed)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(dict(PENALTIES))
    words = 0
    for example in [*examples(tables, count, seed), *labelled]:
        for sentence, labels in labelled_sentences(example):
            trainer.append(_attributes(reader, sentence, labels, chance), labels)
            words += len(sentence)
    folder.mkdir(parents=True, exist_ok=True)
    trainer.train(str(folder / MODEL))
    manifest = {
        "recipe_digest": recipe,
        "seed": seed,
        "sentences": count,
        "labelled_sentences": len(labelled),
        "words": words,
        "penalties": PENALTIES,
        "model_sha256": hashlib.sha256((folder / MODEL).read_bytes()).hexdigest(),
        "model_bytes": (folder / MODEL).stat().st_size,
    }
    write_atomic(folder / MANIFEST, canonical_json(manifest))
    return manifest


def recipe_digest() -> str:
    """SHA-256 over every source, template and table that the model comes from."""
    digest = hashlib.sha256()
    root = files("mlops.privacy.names")
    for folder, endings in ((root, (".py",)), (root / "templates", (".txt",)), (root / "tables", (".txt",))):
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(endings) and entry.name not in {"tagger.py", "command.py"}:
                digest.update(entry.name.encode() + b"\0" + entry.read_bytes() + b"\0")
    return digest.hexdigest()


def labelled_sentences(example: Example) -> Iterator[tuple[list[Token], list[str]]]:
    """Sentences of an example with one label a word: O, or B- and I- with the entity type."""
    for start, end in sentences(example.text):
        sentence = tokens(example.text, start, end)[:MOST_TOKENS]
        if sentence:
            yield sentence, [_label(token, example.spans) for token in sentence]


def _label(token: Token, spans: Sequence[tuple[int, int, str]]) -> str:
    for start, end, kind in spans:
        if start <= token.start < end:
            return f"B-{kind}" if token.start == start else f"I-{kind}"
    return "O"


def _attributes(reader: Reader, sentence: list[Token], labels: list[str], chance: random.Random) -> list[list[str]]:
    hidden = chance.random() < _UNLISTED
    unlisted = {place for place, label in enumerate(labels) if label != "O" and hidden and chance.random() < _UNLISTED}
    unknown = {place for place, label in enumerate(labels) if label == "O" and chance.random() < _UNKNOWN}
    return reader.attributes([token.text for token in sentence], unknown, unlisted)


def read_examples(path: Path) -> list[Example]:
    """The user's sentences: JSONL of ``{"text": …, "spans": [{"start", "end", "type"}, …]}``; other types are left out.

    Raises:
        PrivacyError: see `mlops.privacy.labelled.read_labelled`.
    """
    from mlops.privacy.labelled import read_labelled

    return [
        Example(row.text, tuple((one.start, one.end, one.type) for one in row.labels if one.type in _TYPES))
        for row in read_labelled(path)
    ]


_TYPES = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
