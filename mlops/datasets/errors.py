"""The error family of the datasets room.

| code | meaning |
|---|---|
| DATASET-001 | a table does not have the canonical chat schema |
| DATASET-002 | shards are missing, incomplete or unreadable |
| DATASET-003 | a source path names an environment variable that is not set or not allowed |
| DATASET-004 | a source path matches no file |
| DATASET-005 | a source file cannot be read (truncated, corrupt, not the declared kind) |
| DATASET-006 | a source holds no row at all |
| DATASET-007 | a column or field that the mapping names exists nowhere in the file |
| DATASET-008 | an argument of a curation or sampling function is out of range |
"""

from __future__ import annotations

from mlops.errors import MlopsError


class DatasetError(MlopsError):
    """Wrong dataset, source or curation argument. Exit code 20: retrying does not help."""
