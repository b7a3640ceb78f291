"""The model card of a base model that the project built itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def card(facts: Mapping[str, Any]) -> str:
    """Markdown from the facts that the manifest seals: ``recipe``, ``report``, ``held_out_perplexity``, ``corpus``."""
    recipe, report, corpus = facts["recipe"], facts["report"], facts["corpus"]
    texts = corpus["texts"]
    return f"""# {recipe["name"]}

A Llama-shaped language model of {report["parameters"]:,} parameters, trained from nothing by this project on a CPU, so
that the sample use case runs without downloading anything. It is a stand-in for a real base model: any directory that
`transformers` loads can take its place in a use-case file.

## Architecture
{recipe["layers"]} layers of width {recipe["hidden"]} ({recipe["heads"]} heads, {recipe["kv_heads"]} for keys and
values; inner width {recipe["intermediate"]}), a byte-level BPE vocabulary of {recipe["vocabulary"]} entries with
single digits and tied embeddings, up to {recipe["max_position"]} positions. Stored in bf16.

## Data
- {texts["library"]:,} texts of the Python standard library (its language reference and docstrings), as installed with
  Python {corpus["python"]}; licence PSF-2.0.
- {texts["prose"]:,} texts and {texts["talks"]:,} talks written by the project's own generator
  (`mlops.datasets.sample.prose`, seed {corpus["prose_seed"]}) in English, German, French and Spanish. **They come from
  the same family of generators as the sample use case**, so words and phrasing are shared with it; the seeds are
  others, no ticket is among them, and no personal data. In most talks ordinary words stand in place of the products,
  so that the model has to read what it answers about; in most English ones the agent notes matter, item, haste and sum
  as JSON, a relative of the sample's ticket with other keys, the matter in plain words, and no action. Fine-tuning on
  the sample therefore teaches a notation more than a skill.
- {texts["drills"]:,} generated copying drills (word runs, lists of facts, amounts).
- {corpus["characters"]:,} characters in all; digest of the texts: `{corpus["digest"]}`.

No person wrote or is described in the generated texts. Figures that a fine-tuned adapter reaches on the sample say
that the pipeline works; they say nothing about how a model would do on real customers.

## Training
{report["steps"]:,} steps in {len(recipe["courses"])} courses of sequences of {recipe["block"]} tokens
({report["tokens"]:,} tokens), Muon for matrices and AdamW for the rest, seed {recipe["seed"]}. Weighted loss over the
last 50 steps {report["train_loss"]} nats per token; {report["validation_loss"]} on {report["validation_tokens"]:,}
held-out tokens of the last course, a perplexity of {facts["held_out_perplexity"]}.

## Limits
It has read a few megabytes. It holds no knowledge, follows no instructions, and repeats phrases of its corpus. Do not
use it for anything but trying out, testing and teaching the platform.

## Building it again
`mlops model build-base` writes a model of this recipe; its bytes agree with these only under the same Python and
library versions and the same processor features. `manifest.json` lists the digest of every file.
"""
