"""The digest by which a base-model directory is named in keys, manifests and dossiers."""

from __future__ import annotations

from pathlib import Path

from mlops.artifacts import MANIFEST, canonical_json, digest_bytes, digest_file, verify
from mlops.models.safety import scan


def base_digest(directory: Path) -> str:
    """Digest of every byte of a base model, as ``sha256:<64 hex>``.

    A sealed directory is verified and named by its manifest; any other by the digest of its sorted file digests.

    Raises:
        ArtifactError: a sealed directory is not what its manifest says.
        UnsafeModelError: what :func:`mlops.models.safety.scan` refuses.
    """
    directory = Path(directory)
    names = scan(directory)
    if (directory / MANIFEST).exists():
        return verify(directory).digest
    return digest_bytes(canonical_json({name: digest_file(directory / name) for name in names}))
