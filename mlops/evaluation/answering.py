"""Lets a loaded model answer the harness: greedy generation, or the likelihood of the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlops.evaluation.config import EvaluationSection
from mlops.evaluation.harness import Answer, Conversation
from mlops.models.generation import generate, score_nll
from mlops.models.loading import LoadedModel


def answer_of(
    loaded: LoadedModel, section: EvaluationSection, should_stop: Callable[[], bool] = lambda: False
) -> Answer:
    """The answering function of one model for the section's task.

    For `reply_nll` a target that does not fit the model's positions answers NaN, so the gate sees that it is missing.
    """

    def texts(prompts: list[Conversation]) -> Sequence[str | float]:
        found = generate(
            loaded,
            prompts,
            max_new_tokens=section.max_new_tokens,
            batch_size=section.batch_size,
            should_stop=should_stop,
        )
        return [generation.text for generation in found]

    def likelihoods(conversations: list[Conversation]) -> Sequence[str | float]:
        found = score_nll(loaded, conversations, batch_size=section.batch_size, should_stop=should_stop)
        return [float("nan") if score.nll is None else score.nll / score.tokens for score in found]

    return texts if section.task == "ticket_json" else likelihoods
