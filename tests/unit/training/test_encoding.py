"""Rows become ids without a silent loss, in an order that is a pure function."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.models.loading import load_tokenizer
from mlops.training.encoding import encode_rows, training_order
from mlops.training.errors import TrainingError

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "base_models" / "tiny-test"


def _table(*pairs: tuple[str, str]) -> pa.Table:
    rows = [[{"role": "user", "content": a}, {"role": "assistant", "content": b}] for a, b in pairs]
    return pa.table({"messages": rows})


def test_rows_that_do_not_fit_are_counted_and_prompts_are_cut_from_the_left() -> None:
    table = _table(("short", "yes"), ("long " * 100, "kept whole"), ("ask", "answer " * 80))
    encoded = encode_rows(load_tokenizer(TINY), table, max_length=64)
    assert encoded is not None
    assert (encoded.rows, encoded.skipped, encoded.cut, len(encoded.examples)) == (3, 1, 1, 2)
    tokenizer = load_tokenizer(TINY)
    assert tokenizer.decode(encoded.examples[1].target, skip_special_tokens=True) == "kept whole"
    assert len(encoded.examples[1].prompt) + len(encoded.examples[1].target) == 64


def test_the_digest_follows_every_token_and_the_border_between_prompt_and_target() -> None:
    tokenizer = load_tokenizer(TINY)
    tables = [_table(("a b", "c")), _table(("a b", "d")), _table(("a", "b c")), _table(("a b", "c"), ("a", "b"))]
    found = [encode_rows(tokenizer, table, max_length=64) for table in tables]
    assert len({encoded.digest for encoded in found if encoded}) == len(tables)


def test_a_stop_is_heard_and_a_limit_holds() -> None:
    tokenizer, table = load_tokenizer(TINY), _table(*[("a", "b")] * 9)
    assert encode_rows(tokenizer, table, max_length=64, should_stop=lambda: True) is None
    limited = encode_rows(tokenizer, table, max_length=64, limit=4)
    assert limited is not None
    assert limited.rows == 4


@given(
    lengths=st.lists(st.integers(2, 300), min_size=1, max_size=80),
    batch=st.integers(1, 9),
    passes=st.floats(0.1, 3.5),
    seed=st.integers(0, 5),
    grouped=st.booleans(),
)
def test_each_pass_visits_each_row_once_and_the_order_repeats(
    lengths: list[int], batch: int, passes: float, seed: int, grouped: bool
) -> None:
    total = max(1, round(passes * len(lengths)))
    order = training_order(lengths, batch=batch, total=total, seed=seed, grouped=grouped)
    assert order == training_order(lengths, batch=batch, total=total, seed=seed, grouped=grouped)
    assert len(order) == total
    visits = Counter(order)
    whole = total // len(lengths)
    assert all(visits[row] in (whole, whole + 1) for row in range(len(lengths)))


def test_grouping_pads_less_and_another_seed_is_another_order() -> None:
    lengths = [10 + (37 * i) % 200 for i in range(640)]

    def padded(order: list[int]) -> int:
        return sum(8 * max(lengths[row] for row in order[i : i + 8]) for i in range(0, len(order), 8))

    plain = training_order(lengths, batch=8, total=1280, seed=0, grouped=False)
    grouped = training_order(lengths, batch=8, total=1280, seed=0, grouped=True)
    assert padded(grouped) < 0.75 * padded(plain)
    assert plain != training_order(lengths, batch=8, total=1280, seed=1, grouped=False)
    assert plain[:640] != plain[640:]


def test_no_row_is_an_error() -> None:
    with pytest.raises(TrainingError, match="TRAIN-010"):
        training_order([], batch=2, total=4, seed=0, grouped=True)
