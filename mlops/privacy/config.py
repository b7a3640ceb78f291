"""The `privacy` section of a use case."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mlops.section import Section

Profile = Literal["gdpr", "ccpa", "hipaa_safe_harbor", "pci", "secrets_only", "reversible", "own"]

CONTACT = frozenset({"EMAIL_ADDRESS", "PHONE_NUMBER", "URL", "LOCATION", "PERSON", "ORGANIZATION", "IP_ADDRESS"})
FINANCE = frozenset({"CREDIT_CARD", "IBAN_CODE", "CRYPTO", "ABA_ROUTING_NUMBER", "BIC"})
# Numbers that states and health services give out.
NATIONAL = frozenset(
    {
        "US_SSN",
        "US_ITIN",
        "US_NPI",
        "US_EIN",
        "UK_NHS",
        "UK_NINO",
        "CA_SIN",
        "IN_AADHAAR",
        "IN_PAN",
        "PL_PESEL",
        "PL_NIP",
    }
) | frozenset(
    {"ES_NIF", "ES_NIE", "IT_FISCAL_CODE", "DE_TAX_ID", "FR_NIR", "NL_BSN", "PT_NIF", "BR_CPF", "BR_CNPJ"}
    | {"MEDICAL_LICENSE"}
)
DEVICE = frozenset({"MAC_ADDRESS", "IMEI", "VIN"})
IDENTITY = NATIONAL | {"ACCOUNT_NUMBER", "DATE_TIME"}
SECRETS = frozenset({"SECRET"})
ENTITY_TYPES = CONTACT | FINANCE | IDENTITY | DEVICE | SECRETS

PROFILES: dict[str, frozenset[str]] = {
    "gdpr": ENTITY_TYPES,
    "ccpa": ENTITY_TYPES,
    "hipaa_safe_harbor": ENTITY_TYPES,
    # A card number is masked with what makes it usable: the verification code (a SECRET) and URLs with credentials.
    "pci": frozenset({"CREDIT_CARD", "IBAN_CODE", "SECRET", "URL"}),
    "secrets_only": frozenset({"SECRET", "URL"}),
    "reversible": ENTITY_TYPES,
    "own": ENTITY_TYPES,
}
# What each profile is for, as `mlops privacy profiles` says it.
PURPOSES: dict[str, str] = {
    "gdpr": "chat data about people: every type that detection knows",
    "ccpa": "chat data about consumers: surrogates that stay the same in the whole dataset; needs a key",
    "hipaa_safe_harbor": "health data: dates to years, ZIP codes to three digits, ages over 89 to 90, the rest out",
    "pci": "payment data: card and account numbers, and the secrets and addresses that make them usable",
    "secrets_only": "code and logs: keys, passwords, tokens and addresses that carry them; people stay",
    "reversible": "data that somebody may have to read again: every value sealed in its place; needs a key",
    "own": "what you write under privacy.own, or in a YAML file that --profile names",
}

# Detectors whose findings a profile does not mask: plain dates and web addresses tell little about a person, and a
# training text needs them. Dates of birth and addresses with credentials have detectors of their own.
GENERIC = frozenset({"date", "url"})
LEFT_OUT: dict[str, frozenset[str]] = {
    # Safe Harbor counts every date and every web address among its identifiers.
    profile: frozenset() if profile == "hipaa_safe_harbor" else GENERIC
    for profile in PROFILES
}

Operator = Literal[
    "keep", "redact", "placeholder", "mask", "token", "surrogate", "date_shift", "generalise", "drop_row", "vault"
]
Scope = Literal["row", "conversation", "dataset", "global"]
KEYED = frozenset({"token", "surrogate", "date_shift", "vault"})
# Option → operators that take it.
_TAKEN_BY: dict[str, frozenset[str]] = {
    "scope": frozenset({"token", "surrogate", "date_shift"}),
    "last": frozenset({"mask"}),
    "days": frozenset({"date_shift"}),
    "no_year_before": frozenset({"generalise"}),
}


class Operation(Section):
    """What is done with a value. A value that the operator cannot change as asked is redacted.

    In a profile, the name alone (``PERSON: redact``) is short for ``PERSON: {operator: redact}``.
    """

    operator: Operator = Field(
        description="keep; redact: <TYPE>; placeholder: <TYPE_N>, numbered per conversation; mask: all but the last "
        "characters; token: keyed digest; surrogate: an invented value of the same form; date_shift: dates moved by "
        "days that a key decides; generalise: a date to its year, a ZIP code to three digits, an age over 89 to 90; "
        "drop_row: the row is quarantined; vault: encrypted in its place.",
    )
    scope: Scope | None = Field(
        default=None,
        description="Within what one value has one token or surrogate (default dataset), or all dates move by the "
        "same number of days (default conversation).",
    )
    last: int | None = Field(default=None, ge=0, le=8, description="mask: characters that stay, 4 by default.")
    days: int | None = Field(
        default=None, ge=1, le=3650, description="date_shift: at most so many days, 182 by default"
    )
    no_year_before: int | None = Field(
        default=None, ge=1000, le=2999, description="generalise: earlier years are left out, as they tell a great age."
    )

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        for option, operators in _TAKEN_BY.items():
            if getattr(self, option) is not None and self.operator not in operators:
                raise ValueError(f"{option} is an option of {', '.join(sorted(operators))}, not of {self.operator}")
        return self


def _operation(value: Any) -> Any:
    return {"operator": value} if isinstance(value, str) else value


_Operation = Annotated[Operation, BeforeValidator(_operation)]
_PLACEHOLDER = Operation(operator="placeholder")


class OwnProfile(Section):
    """A profile: an operation for each entity type."""

    default: _Operation = Field(default=_PLACEHOLDER, description="What is done with types that are not named.")
    types: dict[str, _Operation] = Field(default={}, description="Entity type, as detect names it, to its operation.")

    @model_validator(mode="after")
    def _types_are_known(self) -> Self:
        unknown = sorted(set(self.types) - ENTITY_TYPES)
        if unknown:
            raise ValueError(f"no such entity type: {', '.join(unknown)}; known are {', '.join(sorted(ENTITY_TYPES))}")
        return self

    def operation(self, kind: str) -> Operation:
        """What is done with a value of entity type ``kind``."""
        return self.types.get(kind, self.default)


def _surrogates() -> OwnProfile:
    surrogate, token = Operation(operator="surrogate"), Operation(operator="token")
    types = dict.fromkeys(sorted(CONTACT | FINANCE | NATIONAL | DEVICE | {"ACCOUNT_NUMBER"}), surrogate)
    types |= {"SECRET": Operation(operator="redact"), "DATE_TIME": Operation(operator="date_shift")}
    return OwnProfile(default=token, types=types)


def _safe_harbor() -> OwnProfile:
    """45 CFR 164.514(b)(2): all elements of dates but the year, places to three digits of the ZIP code, and years that
    tell an age over 89: who was born in 1936 turns 90 in 2026."""
    years = Operation(operator="generalise", no_year_before=1937)
    plain = Operation(operator="generalise")
    types = {"DATE_TIME": years, "LOCATION": plain, "AGE": plain, "SECRET": Operation(operator="redact")}
    return OwnProfile(types={kind: what for kind, what in types.items() if kind in ENTITY_TYPES})


OPERATIONS: dict[str, OwnProfile] = {
    **dict.fromkeys(("gdpr", "pci", "secrets_only"), OwnProfile()),
    "ccpa": _surrogates(),
    "hipaa_safe_harbor": _safe_harbor(),
    "reversible": OwnProfile(default=Operation(operator="vault")),
}


class PrivacySection(Section):
    """What is masked before any row reaches curation or training."""

    profile: Profile = Field(
        default="gdpr",
        description="What is masked and how: gdpr (everything, numbered placeholders), ccpa (surrogates), "
        "hipaa_safe_harbor, pci (cards, accounts, secrets), secrets_only, reversible (vault), or own.",
    )
    own: OwnProfile | None = Field(default=None, description="The operations of profile own.")
    key_id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{16}$",
        description="Id of the key that profiles with tokens, surrogates, moved dates or a vault work with, as "
        "mlops privacy key shows it; the key itself lies in MLOPS_PRIVACY_KEY.",
    )
    dataset: str = Field(
        default="",
        description="What scope dataset goes by: datasets of one name and one key share tokens and surrogates.",
    )
    allow: tuple[str, ...] = Field(
        default=(),
        description="Values that are public and stay as they are, such as the company's own support address.",
    )
    names: Literal["cues", "model"] = Field(
        default="cues",
        description="How names are found: behind cues alone (my name is …), or also by the shipped names model.",
    )
    residual_tolerance: int = Field(
        default=0,
        ge=0,
        description="How many findings the re-scan of the masked rows may make before the stage is blocked.",
    )

    @model_validator(mode="after")
    def _profile_is_whole(self) -> Self:
        if (self.profile == "own") != (self.own is not None):
            raise ValueError("profile own and the operations under own go together: write both or neither")
        if self.keyed and self.key_id is None:
            raise ValueError("the profile needs a key: write its key_id, which mlops privacy key shows")
        return self

    @property
    def operations(self) -> OwnProfile:
        """What is done with each entity type."""
        return self.own or OPERATIONS[self.profile]

    @property
    def masked_types(self) -> frozenset[str]:
        """Entity types that do not stay as they are."""
        return frozenset(kind for kind in PROFILES[self.profile] if self.operations.operation(kind).operator != "keep")

    @property
    def keyed(self) -> bool:
        """Whether anything that the profile does needs a key."""
        return any(self.operations.operation(kind).operator in KEYED for kind in self.masked_types)
