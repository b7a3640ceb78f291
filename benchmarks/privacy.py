"""Speed, recall, precision and false alarms of the privacy engine on public data, each beside its target.

    .venv/bin/python benchmarks/privacy.py             # our figures
    .venv/bin/python benchmarks/privacy.py --peers     # and Presidio, scrubadub and DataFog over the same texts

Speed is bytes of text by seconds of CPU time of one process, the best of three calls; with two workers it is time on
the clock. Recall: of a labelled span at least 80 % of the characters are found as the same type; covered: as any type.
Precision: at least half of what was found is labelled with the same type. Intervals are Wilson's, at 95 %. Whether a
target is met is judged on the share itself; the interval says how sure that is. The exit code is 0 either way.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import privacy_data as data
import privacy_variants as variants
from privacy_peers import PEERS, PeerRun, run_peer
from privacy_speed import MESSAGES_FOR_PEERS, speed
from privacy_table import Table, shown, verdict

from mlops.privacy.config import ENTITY_TYPES
from mlops.privacy.detection import find_each
from mlops.privacy.evaluation import Evaluation, Labelled, Place, Share, evaluate
from mlops.privacy.other_finders import Names, finders, joined

# Times and web addresses do no harm in a clean text and are counted apart.
APART = frozenset({"DATE_TIME", "URL"})

# Data set → entity type → least recall or covered, least precision.
TARGETS: dict[str, dict[str, tuple[str, float, float | None]]] = {
    "presidio_synth": {
        "EMAIL_ADDRESS": ("recall", 0.99, None),
        "IBAN_CODE": ("recall", 0.99, None),
        "US_SSN": ("recall", 0.99, None),
        "IP_ADDRESS": ("recall", 0.99, None),
        "CREDIT_CARD": ("recall", 0.99, None),
        "PHONE_NUMBER": ("recall", 0.92, 0.88),
        "DATE_TIME": ("recall", 0.90, None),
    },
    "sgd": {},
    "restaurant8k": {},
    "meddocan": {"CLINICAL_ID": ("covered", 0.90, None), "PHONE_NUMBER": ("recall", 0.90, 0.80)},
    "tweets": {},
}
# Data set → least share of names covered, with the names model.
NAME_TARGETS = {"presidio_synth": None, "sgd": 0.75, "restaurant8k": 0.85, "meddocan": None, "tweets": None}
# What is labelled only where somebody was asked for it tells nothing about precision.
PARTLY_LABELLED = {"sgd": {"LOCATION", "PERSON"}, "restaurant8k": {"PERSON", "DATE_TIME"}}


def found_in(rows: Sequence[Labelled], how: Names = "cues") -> list[Sequence[Place]]:
    return found_in_texts([row.text for row in rows], how)


def found_in_texts(texts: Sequence[str], how: Names = "cues") -> list[Sequence[Place]]:
    """Findings of all types; ``how`` names are found: behind cues, or also by the shipped model."""
    return list(joined(find_each(texts), texts, finders(how), ENTITY_TYPES))


def judged(rows: Sequence[Labelled], found: Iterable[Sequence[Place]]) -> Evaluation:
    return evaluate(zip([row.labels for row in rows], found, strict=True))


def quality(table: Table, sets: dict[str, list[Labelled]], found: dict[str, list[Sequence[Place]]]) -> None:
    """Recall, covered and precision by data set and type."""
    title = "Recall and precision, names behind cues only"
    table.head(title, "data", "type", "n", "recall", "covered", "precision", "target", "")
    for name, rows in sets.items():
        score = judged(rows, found[name])
        for kind, one in score.types.items():
            if not one.recall.n:
                continue
            partly = kind in PARTLY_LABELLED.get(name, ())
            precision = "labels incomplete" if partly else shown(one.precision)
            measure, least, exact = TARGETS[name].get(kind, ("recall", None, None))
            aim = said = ""
            if least is not None:
                share: Share = getattr(one, measure)
                aim, said = f"{measure} ≥ {least:g}", verdict(share.value, least)
            if exact is not None:
                aim, said = f"{aim}, precision ≥ {exact:g}", f"{said}, {verdict(one.precision.value, exact)}"
            table.row(name, kind, str(one.recall.n), shown(one.recall), shown(one.covered), precision, aim, said)


def clean(table: Table, texts: dict[str, list[str]], found: dict[str, list[Sequence[Place]]]) -> None:
    """Documents without personal data in which something was found, and again with the names model."""
    table.head("Clean text: documents hit, dates and URLs apart", "data", "n", "share", "types", "target", "")
    for name, most in (("gsm8k", 0.010), ("banking77", 0.005)):
        named = found_in_texts(texts[name], "model")
        runs: dict[str, list[Sequence[Place]]] = {
            name: found[name],
            f"{name}, with the names model": named,
            # The people in a sum have names, and the model is right to find them.
            f"{name}, with the names model, PERSON apart": [[x for x in row if x.type != "PERSON"] for row in named],
        }
        for title, run in runs.items():
            score = evaluate(([], [span for span in spans if span.type not in APART]) for spans in run)
            kinds = ", ".join(f"{kind} {count}" for kind, count in score.false_alarm_types.items())
            said = "met" if (score.false_alarms.value or 0.0) <= most else "**missed**"
            table.row(title, str(len(run)), shown(score.false_alarms), kinds, f"≤ {most:.1%}", said)


def matrix(table: Table, peers: Sequence[PeerRun], found: dict[str, list[list[Sequence[Place]]]]) -> None:
    """The share of hidden values that are covered by any type, ours and the peers'."""
    names = [peer.name for peer in peers]
    table.head("Hidden values: share covered", "how", "n", "ours", *names, "target", "", "worst type")
    for place, (how, rows) in enumerate(variants.obfuscated()):
        ours, *others = (_covered(rows, runs[place]) for runs in found.values())
        least = 0.85 if how == "spaced digits" else 0.95
        by_type = judged(rows, found["ours"][place]).types
        worst = min(((one.covered.value or 0.0, kind) for kind, one in by_type.items() if one.covered.n), default=None)
        table.row(how, str(ours.n), shown(ours), *(f"{other.value:.2f}" for other in others), f"≥ {least:g}",
                  verdict(ours.value, least), f"{worst[1]} {worst[0]:.2f}" if worst else "")  # fmt: skip


def _covered(rows: Sequence[Labelled], found: Iterable[Sequence[Place]]) -> Share:
    types = judged(rows, found).types.values()
    return Share(sum(one.covered.hits for one in types), sum(one.covered.n for one in types))


def secrets(table: Table) -> None:
    """Keys of vendors, five of each format, and how many formats are found every time."""
    from tests.unit.privacy.test_secrets import FORMATS, built

    keys = [(name, built(parts, random.Random(f"{name}{n}"))) for name, parts in FORMATS.items() for n in range(5)]
    rows = [variants.in_sentence("SECRET", key, "here it is: {} and keep it") for _, key in keys]
    score = judged(rows, found_in(rows)).types["SECRET"]
    table.head("Secrets", "what", "n", "recall", "target", "")
    table.row(f"{len(FORMATS)} vendor formats", str(len(keys)), shown(score.recall), "≥ 0.95",
              verdict(score.recall.value, 0.95))  # fmt: skip


def names(table: Table, sets: dict[str, list[Labelled]]) -> None:
    """Names with the shipped model: by data set, by case and by origin; the gap is the best minus the worst."""
    table.head("Names with the shipped model", "what", "n", "covered", "precision", "target", "")
    for name, least in NAME_TARGETS.items():
        score = judged(sets[name], found_in(sets[name], "model")).types["PERSON"]
        precision = "labels incomplete" if name in PARTLY_LABELLED else shown(score.precision)
        aim, said = ("", "") if least is None else (f"≥ {least:g}", verdict(score.covered.value, least))
        table.row(name, str(score.covered.n), shown(score.covered), precision, aim, said)
    cases: dict[str, Callable[[str], str]] = {"as written": str, "lower case": str.lower, "UPPER CASE": str.upper}
    groups = {
        f"restaurant8k, {case}": [Labelled(change(row.text), row.labels) for row in sets["restaurant8k"]]
        for case, change in cases.items()
    }
    _gap(table, "by case", {name: _persons(rows) for name, rows in groups.items()})
    _gap(table, "by origin", {name: _persons(rows) for name, rows in variants.names_by_origin()})


def _persons(rows: Sequence[Labelled]) -> Share:
    # A few letters change their number of characters with their case, and with it every offset behind them.
    same = [row for row in rows if all(label.end <= len(row.text) for label in row.labels)]
    return judged(same, found_in(same, "model")).types["PERSON"].covered


def _gap(table: Table, name: str, shares: dict[str, Share]) -> None:
    for what, share in shares.items():
        table.row(what, str(share.n), shown(share), "", "", "")
    known = [share.value for share in shares.values() if share.value is not None]
    gap = max(known) - min(known)
    table.row(f"gap {name}", "", f"{gap:.3f}", "", "≤ 0.10", "met" if gap <= 0.10 else "**missed**")


def peers_quality(table: Table, peers: Sequence[PeerRun], parts: dict[str, tuple[int, int]],
                  synth: list[Labelled], ours: dict[str, list[Sequence[Place]]]) -> None:  # fmt: skip
    """The same texts, ours and theirs: recall/precision on presidio_synth, clean documents hit."""
    runs = {"ours": ours, **{peer.name: {k: list(peer.found[a:b]) for k, (a, b) in parts.items()} for peer in peers}}
    table.head("Beside peers: recall / precision on presidio_synth; share of clean documents hit", "what", *runs)
    scores = [judged(synth, run["presidio_synth"]).types for run in runs.values()]
    for kind in TARGETS["presidio_synth"]:
        cells = [score.get(kind) for score in scores]
        table.row(kind, *(f"{_short(one.recall)} / {_short(one.precision)}" if one else "–" for one in cells))
    for name in ("gsm8k", "banking77"):
        shares = []
        for run in runs.values():
            hits = sum(any(span.type not in APART for span in spans) for spans in run[name])
            shares.append(f"{hits / len(run[name]):.2%}")
        table.row(name, *shares)


def _short(share: Share) -> str:
    return "–" if share.value is None else f"{share.value:.2f}"


def run_peers(groups: dict[str, list[str]]) -> tuple[list[PeerRun], dict[str, tuple[int, int]]]:
    """Each peer over all groups in one run; the first group is timed. Beside: where each group begins and ends."""
    parts, texts = {}, []
    for name, group in groups.items():
        parts[name] = (len(texts), len(texts) + len(group))
        texts += group
    return [run_peer(name, texts, len(next(iter(groups.values())))) for name in PEERS], parts


def _groups(texts: list[str], synth: list[Labelled], cleans: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    yield "sgd", texts[:MESSAGES_FOR_PEERS]
    yield "presidio_synth", [row.text for row in synth]
    yield from cleans.items()
    for how, rows in variants.obfuscated():
        yield f"hidden {how}", [row.text for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="measure other detectors too (installs them aside)")
    arguments = parser.parse_args()
    dialogues = data.sgd()
    turns = [turn for one in dialogues for turn in one]
    sets = {
        "presidio_synth": data.presidio_synth(),
        "sgd": turns,
        "restaurant8k": data.restaurant8k(),
        "meddocan": data.meddocan(),
        "tweets": data.tweets(),
    }
    cleans = {"gsm8k": data.gsm8k(), "banking77": data.banking77()}
    peers: list[PeerRun] = []
    parts: dict[str, tuple[int, int]] = {}
    if arguments.peers:
        peers, parts = run_peers(dict(_groups([turn.text for turn in turns], sets["presidio_synth"], cleans)))
    table = Table()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    print(f"Commit {commit}, {os.cpu_count()} cores shared with other work, load average {os.getloadavg()[0]:.1f}.")
    speed(table, dialogues, peers)
    ran = [peer for peer in peers if not peer.missing]
    found = {name: found_in(rows) for name, rows in sets.items()}
    quality(table, sets, found)
    found |= {name: found_in_texts(texts) for name, texts in cleans.items()}
    clean(table, cleans, found)
    secrets(table)
    hidden = {"ours": [found_in(rows) for _, rows in variants.obfuscated()]}
    for peer in ran:
        bounds = [parts[f"hidden {how}"] for how, _ in variants.obfuscated()]
        hidden[peer.name] = [list(peer.found[low:high]) for low, high in bounds]
    matrix(table, ran, hidden)
    names(table, sets)
    if ran:
        peers_quality(table, ran, parts, sets["presidio_synth"], found)


if __name__ == "__main__":
    main()
