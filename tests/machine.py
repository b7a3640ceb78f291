"""A machine of its own: a workspace that seals, pushes and fetches artifacts; remotes, key and ledger may be shared."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlops.artifacts import MEASUREMENTS, Artifact, digest_file, publish, seal, write_atomic
from mlops.ledger.events import append
from mlops.ledger.store import Ledger, open_ledger
from mlops.remotes import push_artifact
from mlops.settings import Settings

MARKER = b"jane.tracer@example.org writes to the desk. "


class Place:
    """One machine: a workspace of its own; ledger, remotes and key may be shared with others."""

    def __init__(self, root: Path, shared: Path, **more: object) -> None:
        self.shared = shared
        given = {
            "remote_raw": str(shared / "raw"),
            "remote_clean": str(shared / "clean"),
            "raw_key": shared / "raw.key",
            "ledger_url": f"sqlite:///{shared}/ledger.db",
            **more,
        }
        self.settings = Settings(root=root, workspace=root / "workspace", **given)  # type: ignore[arg-type]
        self.settings.work.mkdir(parents=True)
        self.ledger: Ledger = open_ledger(self.settings.ledger)

    def make(
        self, stage: str = "mask", content: bytes = MARKER * 1000, run: str = "run-1", outcome: str = "done"
    ) -> Artifact:
        """Seal, publish and commit an artifact as a stage does."""
        output = self.settings.work / "output"
        (output / "data").mkdir(parents=True)
        (output / "data" / "rows.bin").write_bytes(content)
        (output / "data" / "same.bin").write_bytes(content)
        (output / "empty.txt").write_bytes(b"")
        sealed = seal(output, {"stage": stage, "key": "k", "outcome": outcome})
        write_atomic(output / MEASUREMENTS, b'{"seconds":1,"marker":"' + MARKER + b'"}\n')
        artifact, _ = publish(sealed, self.settings.store)
        body = {"artifact": artifact.digest, "measurements": digest_file(artifact.path / MEASUREMENTS)}
        append(self.ledger, "stage_done", body, run=run, stage=stage)
        return artifact

    def push(self, artifact: Artifact, run: str = "run-1", again: bool = False) -> bool:
        names = {"run": run, "stage": str(artifact.manifest["stage"])}
        return push_artifact(self.settings, self.ledger, artifact, names, again=again)

    def lose(self, artifact: Artifact) -> None:
        shutil.rmtree(artifact.path)

    def objects(self, remote: str) -> list[Path]:
        return [path for path in (self.shared / remote).rglob("*") if path.is_file()]
