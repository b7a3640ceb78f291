"""Where a fault may strike, and whom: the points of a stage and of a run, as data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mlops.pipeline import STAGE_NAMES

VARIABLE = "FAULT"

# What the processes of a run do, in order. Each point lies between two steps of docs/architecture.md, "A stage,
# exactly"; MIDDLE lies inside the stage's own work and is told apart by what has been written by then.
STARTED = "started"  # the stage has begun in the ledger, nothing is done
MIDDLE = "half the output"  # some of the output is there, one file of it is torn or unnamed
CHECKPOINT = "a checkpoint"  # train: the second checkpoint is sealed
TORN_CHECKPOINT = "half a checkpoint"  # train: the third is there, torn and unsealed
WORKED = "all of the output"  # the whole payload is there, the manifest is not
SEALING = "half a manifest"  # the manifest is written under its temporary name
SEALED = "sealed"  # sealed, still in the attempt's folder
PUBLISHED = "published"  # in the store, the ledger does not know of it
COMMITTING = "half a commit"  # stage_done is written inside an open transaction
COMMITTED = "committed"  # the ledger knows; what follows a commit is not done
KEYED = "half a signing key"  # register: the public half is trusted, there is no private half
REGISTERED = "registered"  # register: the release is in the ledger, its export is missing
EXPORTING = "half an export"  # register: the events are exported, the attestation is not
COPYING = "half a push"  # with a remote: some objects have arrived there
ARRIVED = "pushed"  # with a remote: all have arrived, the ledger does not know
LINKED = "linked"  # everything of the stage is done, the process is about to end

STAGE_POINTS = (STARTED, MIDDLE, WORKED, SEALING, SEALED, PUBLISHED, COMMITTING, COMMITTED, LINKED)
EXTRA_POINTS = {
    "train": (CHECKPOINT, TORN_CHECKPOINT),
    "register": (KEYED, REGISTERED, EXPORTING),
}

# Points of the parent, ``mlops run``, outside of any stage.
MIGRATING = "half a migration"  # the ledger's tables are made inside an open transaction
BEGUN = "begun"  # the run is in the ledger, no stage was started
BETWEEN = "between stages"  # before the stage of that name
PROMOTING = "before the promotion"
PROMOTED = "promoted"  # the champion changed in the ledger, its proof was not renewed
VERIFYING = "before the verification"
FINISHING = "before the end of the run"
REPLAYING = "half an event log"  # a torn last line

RUN_POINTS = (MIGRATING, BEGUN, PROMOTING, PROMOTED, VERIFYING, FINISHING, REPLAYING)

# Whom a fault strikes, and how.
STAGE = "stage"  # kill -9 of the stage's process
RUN = "run"  # kill -9 of ``mlops run``; the stage's process must end by itself
BOTH = "both"  # kill -9 of both at once
TERM = "term"  # SIGTERM of ``mlops run``
STOP = "stop"  # SIGSTOP of the stage's process


@dataclass(frozen=True)
class Fault:
    """One fault: ``victim`` is struck when the process of ``stage`` (``""``: of the run) reaches ``point``."""

    stage: str
    point: str
    victim: str = STAGE

    def __str__(self) -> str:
        return f"{self.stage or 'run'}: {self.point} ({self.victim})"

    def variables(self) -> dict[str, str]:
        """The fault as environment variables, which the processes of a run hand on to each other."""
        return {VARIABLE: json.dumps(asdict(self))}

    @staticmethod
    def of(variables: Mapping[str, str] = os.environ) -> Fault | None:
        """The fault that the environment names, if any."""
        return Fault(**json.loads(variables[VARIABLE])) if VARIABLE in variables else None


def points_of(stage: str) -> tuple[str, ...]:
    """All points of a stage, in the order in which its process passes them."""
    order = (
        *(STARTED, CHECKPOINT, TORN_CHECKPOINT, MIDDLE, WORKED, SEALING, SEALED, PUBLISHED, COMMITTING, COMMITTED),
        *(KEYED, REGISTERED, EXPORTING, LINKED),
    )
    own = {*STAGE_POINTS, *EXTRA_POINTS.get(stage, ())}
    return tuple(point for point in order if point in own)


def every_point() -> list[tuple[str, str]]:
    """(stage, point) of all stages, in the order of a run."""
    return [(stage, point) for stage in STAGE_NAMES for point in points_of(stage)]
