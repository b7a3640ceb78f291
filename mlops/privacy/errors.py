"""The privacy room's errors. Codes are stable: listed below."""

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
        PRIVACY-007: the output cannot be written.
        PRIVACY-006: a profile that does not exist was asked for.
        PRIVACY-020: a line of a labelled sample is no object with a text and a list of spans.
        PRIVACY-021: a span of a labelled sample is none, lies outside its text or stands there twice.
        PRIVACY-022: a labelled sample holds no row.
        PRIVACY-023: a gate is not written as TYPE=LEAST.
        PRIVACY-030: there is no key, or its file cannot be read.
        PRIVACY-031: others can read the key file.
        PRIVACY-032: a key is too short or written in another way.
        PRIVACY-033: the key file cannot be written.
        PRIVACY-034: the key file lies in the folder of the data.
        PRIVACY-035: the newest key is another one than the section names.
        PRIVACY-036: a profile file cannot be read, or holds an unknown key, type or operator.
        PRIVACY-037: values were asked to be revealed without a reason.
        PRIVACY-040: the names model cannot be read, or what it needs is not installed.
        PRIVACY-041: another way of finding names was asked for than cues or model.
    """
