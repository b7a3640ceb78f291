"""How fast the privacy engine reads and masks real chat messages, and how fast RE2 alone could be on them."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from privacy_peers import PeerRun
from privacy_table import Table, verdict

from mlops.privacy.config import ENTITY_TYPES, LEFT_OUT, PrivacySection
from mlops.privacy.detection import find_each
from mlops.privacy.evaluation import Labelled
from mlops.privacy.other_finders import finders, joined
from mlops.privacy.questions import answered_by_each

CALLS = 3
MESSAGES_FOR_PEERS = 20_000
NAMES = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
STRUCTURED = ENTITY_TYPES - NAMES


def seconds(call: Callable[[], Any], calls: int = CALLS) -> float:
    """CPU seconds of the best call."""
    best = float("inf")
    for _ in range(calls):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return best


def size(texts: Iterable[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def speed(table: Table, dialogues: list[list[Labelled]], peers: Sequence[PeerRun]) -> None:
    """Bytes a second: detection, masking with re-scan, RE2 alone on the same bytes, two workers, peers."""
    from mlops.privacy.masking import mask_table

    texts = [turn.text for turns in dialogues for turn in turns]
    size_mb = size(texts) / 1e6
    find_each(texts[:1000])
    # Once only: the model remembers sentences that it has seen.
    named = size_mb / seconds(lambda: joined(find_each(texts), texts, finders("model"), ENTITY_TYPES), calls=1)
    limit = size_mb / seconds(lambda: re2_alone(texts))
    structured = size_mb / seconds(lambda: find_each(texts, STRUCTURED))
    plain = size_mb / seconds(lambda: find_each(texts, STRUCTURED, left_out=LEFT_OUT["gdpr"]))
    everything = size_mb / seconds(lambda: find_each(texts))
    chat = chat_table(dialogues)
    masked = size_mb / seconds(lambda: mask_table(chat, PrivacySection()))
    secrets = size_mb / seconds(lambda: mask_table(chat, PrivacySection(profile="pci")))
    asked = answered_by_each(texts)
    questions = size_mb / seconds(lambda: answered_by_each(texts))
    table.head(
        f"Speed: {len(texts):,} messages of SGD, {size_mb:.1f} MB, one core",
        "what",
        "MB/s",
        "share of RE2",
        "target",
        "",
    )
    table.row("RE2 alone, all our patterns, 256 KB buffers", f"{limit:.1f}", "1", "", "")
    table.row("these patterns asked of all messages at once: which can hold anything",
              f"{questions:.1f}", f"{questions / limit:.2f}", "", f"{len(asked) / len(texts):.0%} can")  # fmt: skip
    for name, rate, least in (
        ("detection, structured types and secrets", structured, 16.0),
        ("the same without plain dates and web addresses, as profile gdpr", plain, None),
        ("detection, all types, names behind cues only", everything, None),
        ("detection, all types, with the names model", named, 1.0),
        ("masking with re-scan, profile pci: no names", secrets, 16.0),
        ("masking with re-scan, profile gdpr, names behind cues only", masked, None),
    ):
        aim, said = ("", "") if least is None else (f"≥ {least:g}", verdict(rate, least))
        table.row(name, f"{rate:.1f}", f"{rate / limit:.2f}", aim, said)
    _workers(table, dialogues[:2000])
    same = texts[:MESSAGES_FOR_PEERS]
    ours = size(same) / 1e6 / seconds(lambda: find_each(same, STRUCTURED))
    table.row(f"ours on {len(same):,} messages, structured types and secrets", f"{ours:.1f}", "", "", "")
    for peer in peers:
        if peer.missing:
            table.row(peer.name, peer.missing, "", "", "–")
            continue
        rate = size(same) / 1e6 / peer.seconds
        aim, least = ("≥ 100 ×", 100.0) if peer.name == "presidio-analyzer" else ("", 0.0)
        said = f"ours {ours / rate:.1f} ×" + (f", {verdict(ours / rate, least)}" if aim else "")
        table.row(f"{peer.name} {peer.version} on the same messages", f"{rate:.2f}", "", aim, said)


def _workers(table: Table, dialogues: list[list[Labelled]]) -> None:
    """Two workers against one, and how much of two cores the machine had to give at that moment."""
    loop = _plain_loops(1) * 2 / _plain_loops(2)
    one, two = (with_workers(dialogues, workers) for workers in (1, 2))
    mb = size(turn.text for turns in dialogues for turn in turns) / 1e6
    said = verdict(one / two, 1.8) if loop >= 1.9 else "not judged: the machine was busy"
    table.row(f"`mlops privacy mask`, two workers against one (clock; two plain loops reach {loop:.2f} ×)",
              f"{mb / two:.1f} : {mb / one:.1f}", "", "≥ 1.8 ×", f"{one / two:.2f} ×, {said}")  # fmt: skip


def _plain_loops(processes: int) -> float:
    """Seconds on the clock until as many processes have counted to the same number."""
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(_count, [1] * processes))
        began = time.perf_counter()
        list(pool.map(_count, [20_000_000] * processes))
        return time.perf_counter() - began


def _count(to: int) -> int:
    return sum(1 for _ in range(to))


def re2_alone(texts: Sequence[str]) -> int:
    """Every shipped pattern over the same bytes and nothing else: how fast it could be at best."""
    matches, buffer = 0, bytearray()
    for text in (*texts, None):
        if text is not None:
            buffer += text.encode() + b"\n"
        if text is None or len(buffer) >= 1 << 18:
            whole = bytes(buffer)
            matches += sum(1 for pattern in all_patterns() for _ in pattern.finditer(whole))
            buffer.clear()
    return matches


@cache
def all_patterns() -> list[Any]:
    """One pattern for each question that detection asks, without groups, as detection itself compiles them."""
    from mlops.privacy.patterns import compile_bytes
    from mlops.privacy.questions import QUESTIONS

    group = re.compile(r"\(\?P<[a-z0-9_]+>")
    sources = [
        "|".join(f"(?:{group.sub('(?:', branch)})" for member in members for branch in member.branches.values())
        for members in QUESTIONS.values()
    ]
    return [compile_bytes(source) for source in sources]


def chat_table(dialogues: list[list[Labelled]]) -> Any:
    import pyarrow as pa

    from mlops.privacy.rows import MESSAGES

    messages = [[{"role": "user", "content": turn.text} for turn in turns] for turns in dialogues]
    names = pa.array([f"{place:016x}" for place in range(len(dialogues))])
    return pa.table({"record_id": names, "conversation_id": names, "messages": pa.array(messages, MESSAGES)})


def with_workers(dialogues: list[list[Labelled]], workers: int) -> float:
    """Seconds on the clock to mask a JSONL file of the messages, processes started and all."""
    from mlops.privacy.mask_file import mask_file

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in.jsonl")
        rows = ({"conversation_id": str(n), "text": turn.text} for n, turns in enumerate(dialogues) for turn in turns)
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        best = float("inf")
        for _ in range(2):
            began = time.perf_counter()
            mask_file(source, Path(folder, "out.jsonl"), "text", PrivacySection(), workers=workers)
            best = min(best, time.perf_counter() - began)
    return best
