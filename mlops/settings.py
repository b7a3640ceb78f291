"""Every setting, typed, read from ``MLOPS_*`` variables. Nothing else in the project reads the environment for one."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlops.errors import MlopsError


class SettingsError(MlopsError):
    """A setting is wrong, or no project was found."""


class Settings(BaseSettings):
    """Where things lie and how long we wait.

    ``MLOPS_ROOT`` and ``MLOPS_WORKSPACE`` place a run; all paths below are derived from them.
    """

    model_config = SettingsConfigDict(env_prefix="MLOPS_", frozen=True, extra="ignore")

    root: Path = Field(description="the checkout: the folder that holds use_cases/ and data_contracts/")
    workspace: Path | None = Field(default=None, description="where runs, artifacts and the ledger lie; ROOT/workspace")
    ledger_url: str | None = Field(default=None, description="SQLAlchemy URL; sqlite:///WORKSPACE/ledger.db")
    signing_key: Path | None = Field(default=None, description="Ed25519 PEM file, 0600; WORKSPACE/keys/signing.pem")
    trusted_keys: Path | None = Field(default=None, description="folder of trusted public keys; WORKSPACE/keys/trusted")
    approvers: Path | None = Field(default=None, description="YAML file: role to accounts; ROOT/approvers.yaml")
    development: bool = Field(
        default=False, description="allow runs under contracts that nobody approved (--unapproved); never in production"
    )
    heartbeat_seconds: float = Field(default=5.0, gt=0, description="time between two heartbeats of a live stage")
    lease_seconds: float = Field(default=60.0, gt=0, description="a lease not renewed for so long may be taken over")
    threads: int = Field(default=0, ge=0, description="CPU threads for training and evaluation; 0 = all cores")
    wandb: bool = Field(default=True, description="write an offline W&B run for each training attempt")
    remote_raw: str | None = Field(
        default=None,
        description="DVC remote (folder or URL) of what ingest and validate make, encrypted; none = no push",
    )
    remote_clean: str | None = Field(
        default=None, description="DVC remote (folder or URL) of what the stages from mask on make; none = no push"
    )
    raw_key: Path | None = Field(
        default=None,
        description="key of the raw remote, 64 bytes, 0600; WORKSPACE/keys/raw.key, made at the first push",
    )
    commit_champions: bool = Field(
        default=False, description="commit champions/USE_CASE.dvc in the checkout's git when the champion changes"
    )

    @property
    def work(self) -> Path:
        """The workspace folder."""
        return self.workspace or self.root / "workspace"

    @property
    def store(self) -> Path:
        """Sealed artifacts by digest."""
        return self.work / "store"

    @property
    def runs(self) -> Path:
        """Attempt folders by run and stage."""
        return self.work / "runs"

    @property
    def checkpoints(self) -> Path:
        """Training checkpoints by stage key; outside of every stage's output."""
        return self.work / "checkpoints"

    @property
    def releases(self) -> Path:
        """Attestations by release."""
        return self.work / "releases"

    @property
    def ledger(self) -> str:
        """The ledger's URL."""
        return self.ledger_url or f"sqlite:///{self.work / 'ledger.db'}"

    @property
    def signing_key_file(self) -> Path:
        """The private key that signs dossiers."""
        return self.signing_key or self.work / "keys" / "signing.pem"

    @property
    def raw_key_file(self) -> Path:
        """The key under which the raw remote is encrypted; never inside the store or a remote."""
        return self.raw_key or self.work / "keys" / "raw.key"

    @property
    def dvc(self) -> Path:
        """DVC's cache and the repositories of the runs."""
        return self.work / "dvc"

    @property
    def trusted_keys_folder(self) -> Path:
        """Public keys whose signatures count."""
        return self.trusted_keys or self.work / "keys" / "trusted"

    @property
    def approvers_file(self) -> Path:
        """Who may approve in which role."""
        return self.approvers or self.root / "approvers.yaml"


def _find_root() -> Path | None:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "use_cases").is_dir()), None)


def load_settings() -> Settings:
    """Read the settings; the root defaults to the nearest folder upwards that holds ``use_cases/``.

    Raises:
        SettingsError: a variable has a wrong value, or no project lies here.
    """
    found = _find_root()
    try:
        by_variable = found is None or "MLOPS_ROOT" in os.environ
        settings = Settings() if by_variable else Settings(root=found)
    except ValidationError as error:
        first = error.errors()[0]
        name = "MLOPS_" + "_".join(str(part) for part in first["loc"]).upper()
        if name == "MLOPS_ROOT" and first["type"] == "missing":
            raise SettingsError(
                "SETTINGS-001",
                "no use_cases/ folder here or above",
                where=str(Path.cwd()),
                todo="change into the project, or set MLOPS_ROOT to it",
            ) from None
        raise SettingsError("SETTINGS-002", first["msg"], where=name, todo="correct the variable") from None
    return settings.model_copy(
        update={
            "root": settings.root.resolve(),
            "workspace": None if settings.workspace is None else settings.workspace.resolve(),
        }
    )
