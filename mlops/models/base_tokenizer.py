"""The tokenizer of the project's own small base models.

Byte-level BPE (Sennrich et al., 2016; the byte alphabet of GPT-2) in which every digit is a token of its own, so that
an amount such as 49.90 is copied digit by digit and no price needs a token that the corpus happened to hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlops.artifacts import canonical_json

PAD, END = "<|pad|>", "<|end|>"
ROLE_TOKENS: tuple[str, ...] = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
SPECIAL_TOKENS: tuple[str, ...] = (PAD, END, *ROLE_TOKENS)

# The end token lies inside the generation block: a target that does not teach the stop never stops.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- generation -%}{{- message['content'] + '<|end|>' -}}{%- endgeneration -%}"
    "{%- else -%}{{- message['content'] + '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """Train the tokenizer on a corpus.

    Args:
        texts: documents; the result depends on their content and order only.
        vocabulary: number of entries, special tokens and the 256 bytes included; at least 262.

    Returns:
        a ``tokenizers.Tokenizer`` of at most ``vocabulary`` entries; ids 0 to 5 are the special tokens.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def write_tokenizer(tokenizer: Any, directory: Path, max_position: int) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json`` (with the chat template) for ``AutoTokenizer``.

    Args:
        tokenizer: what :func:`train_tokenizer` returned.
        directory: an existing directory.
        max_position: longest sequence, in tokens.
    """
    tokenizer.save(str(directory / "tokenizer.json"))
    configuration = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_position,
        "padding_side": "right",
        "truncation_side": "left",
        "clean_up_tokenization_spaces": False,
        "pad_token": PAD,
        "eos_token": END,
        "chat_template": CHAT_TEMPLATE,
    }
    (directory / "tokenizer_config.json").write_bytes(canonical_json(configuration))
