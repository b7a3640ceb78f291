"""What can go wrong in the registry."""

from __future__ import annotations

from mlops.errors import MlopsError


class RegistryError(MlopsError):
    """A release, a key, an approval or a promotion is not what it must be; codes ``REGISTRY-001`` and up."""
