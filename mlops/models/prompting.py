"""From chat messages to token ids: one rendering for training, generation and scoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.models.errors import ModelError

Message = Mapping[str, str]


@dataclass(frozen=True)
class EncodedExample:
    """Token ids of one supervised example.

    Attributes:
        prompt: ids up to and with the opening of the assistant's turn, cut from the left where it was too long.
        target: ids of the last assistant message and the end token.
        cut: number of prompt ids that were cut away.
    """

    prompt: tuple[int, ...]
    target: tuple[int, ...]
    cut: int


def encode_prompt(tokenizer: Any, messages: Sequence[Message], *, max_length: int | None = None) -> tuple[int, ...]:
    """Ids of a conversation followed by the opening of the assistant's turn.

    Text that spells a special token is broken up first, so that no message can open a turn of its own.

    Args:
        max_length: most ids kept; the oldest go.
    """
    text = _render(tokenizer, messages, generation=True)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tuple(ids if max_length is None else ids[-max_length:])


def encode_example(tokenizer: Any, messages: Sequence[Message], *, max_length: int) -> EncodedExample | None:
    """Prompt and target of a conversation whose last message is the assistant's.

    Args:
        max_length: most ids of prompt and target together; the target is kept whole and the prompt cut from the left.

    Returns:
        ``None`` when the target leaves no room for a single prompt token.

    Raises:
        ModelError: MODEL-040 the last message is not the assistant's, MODEL-041 the chat template renders the
            conversation in a way that its prompt is not the beginning of.
    """
    if not messages or messages[-1]["role"] != "assistant":
        raise ModelError(
            "MODEL-040", "expected a conversation that ends with the assistant", todo="drop or repair such rows"
        )
    prompt_text = _render(tokenizer, messages[:-1], generation=True)
    full_text = _render(tokenizer, messages, generation=False)
    if not full_text.startswith(prompt_text):
        raise ModelError(
            "MODEL-041",
            "the chat template does not render a prompt as the beginning of its conversation",
            todo="use a template whose generation prompt opens the assistant's turn and nothing else",
        )
    prompt = tokenizer(prompt_text, add_special_tokens=False)["input_ids"]
    target = tokenizer(full_text[len(prompt_text) :], add_special_tokens=False)["input_ids"]
    room = max_length - len(target)
    if room < 1 or not target:
        return None
    return EncodedExample(tuple(prompt[-room:]), tuple(target), max(0, len(prompt) - room))


def _render(tokenizer: Any, messages: Sequence[Message], *, generation: bool) -> str:
    specials = tuple(tokenizer.all_special_tokens) + tuple(tokenizer.get_added_vocab())
    plain = [{"role": m["role"], "content": neutralise(m["content"], specials)} for m in messages]
    text: str = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=generation)
    return text


def neutralise(content: str, specials: Sequence[str]) -> str:
    """Put a space after the first character of every spelled-out special token."""
    for special in specials:
        if len(special) > 1 and special in content:
            content = content.replace(special, f"{special[0]} {special[1:]}")
    return content
