"""Other detectors over the same texts, each in a temporary environment of its own: `privacy.py --peers` starts this.

As a script it runs inside such an environment: reads a JSON list of texts, writes their spans and the seconds of CPU
time taken. It imports nothing of this project then. Nothing is fetched while it measures.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

Found = list[tuple[int, int, str]]

# What pip installs for each; the second word is the rest of the line.
PEERS: dict[str, tuple[str, ...]] = {
    "presidio-analyzer": ("presidio-analyzer",),
    "scrubadub": ("scrubadub",),
    "datafog": ("datafog[rust]",),
}
# Their names of types → Presidio's.
_TYPES = {
    "credit_card": "CREDIT_CARD",
    "credential": "SECRET",
    "date": "DATE_TIME",
    "dob": "DATE_TIME",
    "email": "EMAIL_ADDRESS",
    "iban": "IBAN_CODE",
    "ip_address": "IP_ADDRESS",
    "phone": "PHONE_NUMBER",
    "social_security_number": "US_SSN",
    "ssn": "US_SSN",
    "url": "URL",
}


class Place(NamedTuple):
    """A span of a peer, under Presidio's name for its type."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class PeerRun:
    """What one peer did: version, CPU seconds over the timed texts, spans of every text; or why it did not run."""

    name: str
    version: str = ""
    seconds: float = 0.0
    found: Sequence[Sequence[Place]] = ()
    missing: str = ""


def run_peer(name: str, texts: Sequence[str], timed: int) -> PeerRun:
    """Install the peer into a fresh environment and run it over all texts; the first `timed` of them are timed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "venv", with_pip=True)
        python = str(place / "venv" / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", *PEERS[name]]
        if subprocess.run(install, capture_output=True, timeout=900).returncode:
            return PeerRun(name, missing="pip could not install it")
        (place / "texts.json").write_text(json.dumps(list(texts)))
        arguments = [name, str(place / "texts.json"), str(timed), str(place / "found.json")]
        done = subprocess.run([python, __file__, *arguments], capture_output=True, text=True, timeout=3600)
        if done.returncode:
            # The kind of problem only: its text may quote what was read.
            return PeerRun(name, missing=f"it failed: {done.stderr.strip().splitlines()[-1].partition(':')[0]}")
        said = json.loads((place / "found.json").read_text())
    found = [[Place(start, end, kind) for start, end, kind in spans] for spans in said["found"]]
    return PeerRun(name, said["version"], said["seconds"], found)


def _presidio() -> Callable[[str], Found]:
    """All recognizers that Presidio loads for English, without a model of names: a blank spaCy language."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    # It would ask the network for a list of suffixes; this reads the one that comes with the package.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())

    class Blank(SpacyNlpEngine):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None: ...

    engine = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])
    return lambda text: [(each.start, each.end, each.entity_type) for each in engine.analyze(text, language="en")]


def _scrubadub() -> Callable[[str], Found]:
    import scrubadub

    scrubber = scrubadub.Scrubber()
    return lambda text: [(each.beg, each.end, each.type) for each in scrubber.iter_filth(text)]


def _datafog() -> Callable[[str], Found]:
    """Its compiled core, called directly, with every type that it finds by default."""
    import datafog_core

    def find(text: str) -> Found:
        places = [(each.codepoint_range, each.entity_type) for each in datafog_core.scan(text)]
        return [(place.start, place.end, kind) for place, kind in places]

    return find


_FINDERS: dict[str, Callable[[], Callable[[str], Found]]] = {
    "presidio-analyzer": _presidio,
    "scrubadub": _scrubadub,
    "datafog": _datafog,
}


def _type(name: Any) -> str:
    return _TYPES.get(str(name).lower(), str(name).upper())


def _measure(name: str, source: str, timed: int, target: str) -> None:
    from importlib.metadata import version

    texts = json.loads(Path(source).read_text())
    find = _FINDERS[name]()
    find("Write to anna@example.org.")
    began = time.process_time()
    found = [find(text) for text in texts[:timed]]
    seconds = time.process_time() - began
    found += [find(text) for text in texts[timed:]]
    spans = [[(start, end, _type(kind)) for start, end, kind in places] for places in found]
    Path(target).write_text(json.dumps({"version": version(name), "seconds": seconds, "found": spans}))


if __name__ == "__main__":
    _measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
