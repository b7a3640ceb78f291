"""The errors of the named checks.

=====  ============================================================================
001    arguments that the check does not take, or misses
002    a table, or a column of text, that the data does not have
003    a file that lies outside the project, is missing, too large or cannot be read
004    a file that is not the one whose digest the rule gives
005    nothing to compare with: no held-out text is long enough, or there are no rows
=====  ============================================================================

Messages quote the contract, never data: the report of a check shows them.
"""

from __future__ import annotations

from mlops.errors import MlopsError


class NamedCheckError(MlopsError):
    """A named check cannot be run as the rule asks."""
