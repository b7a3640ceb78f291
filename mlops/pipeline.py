"""The stages and their edges, as data. Read this file to see the whole path of a row.

Imports nothing heavy: the DAG factory, the command line and the tests all read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Stage:
    """One content-addressed step.

    Attributes:
        name: also the folder of its output.
        inputs: upstream stages whose artifacts it reads.
        module: imported in the stage's own subprocess only; has ``run(context) -> StageOutcome``.
        sections: keys of the use-case file it depends on; nothing else of the file reaches it.
        pins: what of the run's pins it depends on.
        keyed: False for a stage that must run each time, because its source has no digest before it is read.
        remote: where its output is versioned: ``raw`` holds unmasked rows and is encrypted, ``clean`` does not.
        gpu: True when it uses a GPU where there is one.
        graceful: True when the stage itself watches for a stop request and saves its state.
        governed: True when it uses data for the declared purpose: the contracts upstream must permit that before it
            starts, also when its output is in the store.
        does: one line for people.
    """

    name: str
    inputs: tuple[str, ...]
    module: str
    sections: tuple[str, ...]
    pins: tuple[str, ...] = ()
    keyed: bool = True
    remote: Literal["raw", "clean"] = "clean"
    gpu: bool = False
    graceful: bool = False
    governed: bool = False
    does: str = ""


STAGES: tuple[Stage, ...] = (
    Stage(
        "ingest",
        (),
        "mlops.stages.ingest",
        ("sources",),
        keyed=False,
        remote="raw",
        does="read sources into the chat schema",
    ),
    Stage(
        "validate",
        ("ingest",),
        "mlops.stages.validate",
        ("contracts",),
        ("source_contract",),
        remote="raw",
        does="check against the source contract; quarantine what breaks it",
    ),
    Stage(
        "mask",
        ("validate",),
        "mlops.stages.mask",
        ("privacy",),
        does="replace personal data and secrets by placeholders; scan again",
    ),
    Stage(
        "curate",
        ("mask",),
        "mlops.stages.curate",
        ("curation", "contracts", "purpose"),
        ("source_contract", "training_contract"),
        governed=True,
        does="drop duplicates, split by conversation, check the training-set contract and the purpose",
    ),
    Stage(
        "train",
        ("curate",),
        "mlops.stages.train",
        ("training", "purpose"),
        ("base_model", "source_contract", "training_contract"),
        gpu=True,
        graceful=True,
        governed=True,
        does="fine-tune a 4-bit base model with QLoRA",
    ),
    Stage(
        "evaluate",
        ("curate", "train"),
        "mlops.stages.evaluate",
        ("evaluation", "training"),
        ("base_model", "champion"),
        gpu=True,
        does="score candidate, base, random base and champion under one harness",
    ),
    Stage(
        "gate",
        ("evaluate",),
        "mlops.stages.gate",
        ("gates", "approval"),
        does="judge the figures: PASS, FAIL or INCONCLUSIVE",
    ),
    Stage(
        "register",
        ("ingest", "validate", "mask", "curate", "train", "evaluate", "gate"),
        "mlops.stages.register",
        ("owner", "purpose", "description", "success_metric", "ethics", "training", "gates", "approval"),
        ("use_case", "base_model", "source_contract", "training_contract", "approvals"),
        does="seal and sign the dossier; the release enters the registry",
    ),
)

STAGE_NAMES: tuple[str, ...] = tuple(stage.name for stage in STAGES)


def stage_named(name: str) -> Stage:
    """The stage of that name.

    Raises:
        KeyError: there is none.
    """
    for stage in STAGES:
        if stage.name == name:
            return stage
    raise KeyError(name)
