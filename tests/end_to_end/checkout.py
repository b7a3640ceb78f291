"""A small project as a DVC checkout: git, the shipped dvc.yaml for its own use case, and `dvc` as a person calls it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.small_project import ROOT, environment

BIN = Path(sys.executable).parent


def make_checkout(root: Path) -> Path:
    """Turn a small project into a git and DVC checkout."""
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    shipped = (ROOT / "dvc.yaml").read_text()
    line = next(line for line in shipped.splitlines() if line.startswith("- use_cases: ["))
    (root / "dvc.yaml").write_text(shipped.replace(line, "- use_cases: [small]"))
    (root / "requirements").mkdir()
    for lock in ("cpu.lock", "cuda.lock"):
        shutil.copyfile(ROOT / "requirements" / lock, root / "requirements" / lock)
    (root / "mlops").mkdir()  # a dependency for DVC; the command is the one under test
    shutil.copyfile(ROOT / "mlops" / "pipeline.py", root / "mlops" / "pipeline.py")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "a project")
    return root


def git(root: Path, *arguments: str) -> str:
    """Run git as an author of the project."""
    who = ["-c", "user.name=author", "-c", "user.email=author@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def dvc(root: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run dvc to its end, with the mlops command of this environment on the path."""
    own = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "MLOPS_WANDB": "false",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(root / "workspace" / "dvc" / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(root / "workspace" / "dvc" / "none"),
        **more,
    }
    return subprocess.run(
        [str(BIN / "dvc"), *arguments],
        cwd=root,
        env=environment(root, own),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
