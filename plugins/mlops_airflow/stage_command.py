"""How a stage is called, as data: the one command that every executor, container and shell uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StageCommand:
    """One stage of one run.

    Attributes:
        stage: its name.
        use_case: name of the use case.
        run: id of the run.
        actor: who is answerable for it in the ledger.
        more: further settings (``MLOPS_*``), e.g. ``MLOPS_DATA_DATE``.
    """

    stage: str
    use_case: str
    run: str
    actor: str
    more: Mapping[str, str]

    @property
    def arguments(self) -> list[str]:
        """Arguments of ``python``."""
        return ["-m", "mlops", "stage", self.stage, "--json", "--use-case", self.use_case, "--run", self.run]

    @property
    def settings(self) -> dict[str, str]:
        """The settings that this command adds to the environment it is started in."""
        return {**self.more, "MLOPS_ACTOR": self.actor}

    def argv(self) -> list[str]:
        """The command on this machine."""
        return [sys.executable, *self.arguments]

    def environment(self) -> dict[str, str]:
        """The whole environment on this machine, less what belongs to Airflow: a stage knows nothing of it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        return {**kept, **self.settings}


def pod_spec(command: StageCommand, *, image: str, gpus: int = 0) -> dict[str, Any]:
    """The same command as the spec of a Kubernetes pod, for KubernetesPodOperator's ``full_pod_spec``.

    Settings that name secrets (ledger, keys, remotes) come from the secret ``mlops-settings``, never from the spec.
    """
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    container = {
        "name": "base",
        "image": image,
        "command": ["python"],
        "args": command.arguments,
        "env": [{"name": name, "value": value} for name, value in sorted(command.settings.items())],
        "envFrom": [{"secretRef": {"name": "mlops-settings"}}],
        "resources": resources,
        "securityContext": {"runAsNonRoot": True, "allowPrivilegeEscalation": False},
    }
    labels = {"app": "mlops", "stage": command.stage, "use-case": command.use_case.replace("_", "-")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": labels},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 120, "containers": [container]},
    }
