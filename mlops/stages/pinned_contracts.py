"""Contracts as the run pinned them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops.contracts.contract import Contract, load_contract
from mlops.errors import MlopsError
from mlops.stages.stage_io import StageContext


class PinError(MlopsError):
    """A file is not the one that the run pinned."""


def load_pinned(root: Path, pin: Mapping[str, str]) -> Contract:
    """The contract at ``path`` of a pin, if its file still has the pin's ``digest``.

    Raises:
        PinError: PURPOSE-002, the file changed since the run began.
        ContractError: it cannot be read.
    """
    contract = load_contract(root / pin["path"])
    if contract.digest != pin["digest"]:
        raise PinError(
            "PURPOSE-002",
            "the contract changed since this run began",
            where=pin["path"],
            todo="start a new run, or restore the file",
        )
    return contract


def pinned_contract(context: StageContext, pin: str) -> Contract:
    """The contract of one of the stage's pins.

    Raises:
        PinError, ContractError: as :func:`load_pinned`.
    """
    return load_pinned(context.root, context.pins[pin])
