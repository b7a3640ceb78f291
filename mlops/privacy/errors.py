"""The privacy room's errors. Codes are stable: PRIVACY-001 … PRIVACY-006."""

from __future__ import annotations

from mlops.errors import MlopsError


class PrivacyError(MlopsError):
    """The input of detection or masking is not what it has to be.

    Codes:
        PRIVACY-001: the table lacks a column of the chat schema, or one has another type.
        PRIVACY-002: a line of a JSONL file is not a JSON object.
        PRIVACY-003: a row lacks the named text field, or the field is no text.
        PRIVACY-004: the input file cannot be read.
        PRIVACY-005: input and output are the same file.
        PRIVACY-006: a profile that does not exist was asked for.
    """
