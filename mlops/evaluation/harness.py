"""One harness for every model that is compared: the same examples, prompts, batches, precision and versions.

Scores move with batch size, backend and chat template, so all of that is fingerprinted, and scores of different
fingerprints are never compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlops.artifacts import canonical_json, digest_bytes
from mlops.evaluation.config import EvaluationSection
from mlops.evaluation.errors import EvaluationError, EvaluationStopped
from mlops.evaluation.metrics import Detector, Example, score
from mlops.evaluation.scores import ExampleScores, read_predictions, write_predictions

Conversation = list[dict[str, str]]
# ticket_json: prompts -> generated texts. reply_nll: whole conversations, the target last -> nats per target token.
Answer = Callable[[list[Conversation]], Sequence[str | float]]
Progress = Callable[[int, int | None, str], None]

DISTRIBUTIONS: tuple[str, ...] = ("torch", "transformers", "tokenizers", "peft", "bitsandbytes")


@dataclass(frozen=True)
class Fingerprint:
    """`digest` is that of `body`, the facts that must be equal for two scores to be comparable."""

    digest: str
    body: dict[str, Any]


def installed_versions(names: Sequence[str] = DISTRIBUTIONS) -> dict[str, str]:
    """Version of each distribution, "absent" where it is not installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


def fingerprint(
    section: EvaluationSection,
    examples: Sequence[Example],
    *,
    chat_template: str,
    dtype: str,
    device: str = "cpu",
    quantization: str | None = None,
    versions: Mapping[str, str] | None = None,
) -> Fingerprint:
    """Everything that moves a score although the model stays the same.

    Args:
        section: task, token limit, batch size and draw.
        examples: as :func:`draw_examples` gave them; their content is hashed.
        chat_template: the tokenizer's template text; only its digest is kept.
        dtype, device, quantization: as the models were loaded, e.g. "bfloat16", "cpu", "nf4".
        versions: of the libraries that compute; None reads the installed ones.
    """
    content = [[example.record_id, list(map(dict, example.prompt)), example.target] for example in examples]
    body = {
        "section": section.model_dump(mode="json", exclude={"compare_with"}),
        "chat_template": digest_bytes(chat_template.encode()),
        "dtype": dtype,
        "device": device,
        "quantization": quantization,
        "versions": dict(installed_versions() if versions is None else versions),
        "examples": digest_bytes(canonical_json(content)),
    }
    return Fingerprint(digest_bytes(canonical_json(body)), body)


def draw_examples(table: pa.Table, section: EvaluationSection) -> list[Example]:
    """The examples to score, sorted by record id.

    At most `max_examples`, those with the smallest hash of seed and record id: the draw does not depend on the order
    of rows, and a row that is added moves at most one other out.

    Args:
        table: rows of the canonical chat schema.

    Raises:
        EvaluationError: EVALUATION-001 when there is no row, an id is missing or repeated, or a row does not end with
            an assistant message after at least one other message.
    """
    rows = table.select(["record_id", "conversation_id", "messages"]).to_pylist()
    ids = [row["record_id"] for row in rows]
    if not rows or None in ids or len(set(ids)) != len(ids):
        raise _bad_rows(f"expected rows with different record ids, found {len(rows)} rows, {len(set(ids))} ids")
    if unusable := sum(not _usable(row) for row in rows):
        raise _bad_rows(f"expected an assistant message last and a conversation id, {unusable} of {len(rows)} have not")
    rows.sort(key=lambda row: hashlib.sha256(f"{section.seed}:{row['record_id']}".encode()).digest())
    drawn = sorted(rows[: section.max_examples], key=lambda row: str(row["record_id"]))
    return [
        Example(row["record_id"], row["conversation_id"], tuple(row["messages"][:-1]), row["messages"][-1]["content"])
        for row in drawn
    ]


def _usable(row: Mapping[str, Any]) -> bool:
    messages = row["messages"] or []
    complete = all(message and message["role"] and message["content"] is not None for message in messages)
    return bool(len(messages) >= 2 and complete and messages[-1]["role"] == "assistant" and row["conversation_id"])


def _bad_rows(message: str) -> EvaluationError:
    return EvaluationError("EVALUATION-001", message, where="evaluation rows", todo="check the curated test split")


def answer_all(
    answer: Answer,
    examples: Sequence[Example],
    section: EvaluationSection,
    *,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    label: str = "evaluate",
) -> list[str | float]:
    """Ask one model for all answers, in batches of examples of similar length; the order is a function of the rows.

    Returns:
        One answer per example, in the order of `examples`.

    Raises:
        EvaluationError: EVALUATION-002 when a batch comes back with another number of answers.
        EvaluationStopped: EVALUATION-005 when `should_stop` says so between two batches.
    """
    order = sorted(range(len(examples)), key=lambda i: (_length(examples[i]), examples[i].record_id))
    answers: list[Any] = [None] * len(examples)
    for start in range(0, len(order), section.batch_size):
        if should_stop is not None and should_stop():
            raise EvaluationStopped(
                "EVALUATION-005", f"stopped after {start} of {len(order)} examples", where=label, todo="run it again"
            )
        batch = order[start : start + section.batch_size]
        found = answer([_conversation(examples[i], section) for i in batch])
        if len(found) != len(batch):
            raise EvaluationError(
                "EVALUATION-002",
                f"expected {len(batch)} answers, found {len(found)}",
                where=label,
                todo="return one answer for each conversation of the batch",
            )
        for i, value in zip(batch, found, strict=True):
            answers[i] = value
        if progress is not None:
            progress(min(start + section.batch_size, len(order)), len(order), label)
    return answers


def _conversation(example: Example, section: EvaluationSection) -> Conversation:
    messages = [dict(message) for message in example.prompt]
    if section.task == "reply_nll":
        messages.append({"role": "assistant", "content": example.target})
    return messages


def _length(example: Example) -> int:
    return sum(len(message["content"]) for message in example.prompt)


def predict(
    models: Mapping[str, Callable[[], Answer]],
    rows: pa.Table,
    section: EvaluationSection,
    *,
    harness: Fingerprint,
    output: Path,
    detector: Detector | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> dict[str, ExampleScores]:
    """Answer, score and write `predictions-<model>.parquet` for each model, one after the other in the order given.

    Equal answers give equal bytes.

    Args:
        models: by name, a function that loads the model and gives its answering function; what it gave is let go
            before the next model is loaded, so that two are never in memory at once.
        rows: of the canonical chat schema.
        harness: as :func:`fingerprint` gave it for the same examples.
        output: an existing folder.

    Returns:
        The scores by model name, as :func:`mlops.evaluation.scores.read_predictions` reads them back.

    Raises:
        EvaluationError: as :func:`draw_examples`, :func:`answer_all` and :func:`mlops.evaluation.metrics.score`.
    """
    examples = draw_examples(rows, section)
    scores = {}
    for name, load in models.items():
        answers = answer_all(load(), examples, section, progress=progress, should_stop=should_stop, label=name)
        table = score(section.task, examples, answers, detector=detector)
        scores[name] = read_predictions(write_predictions(table, name, harness.digest, output))
    return scores
