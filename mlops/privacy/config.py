"""The `privacy` section of a use case."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlops.section import Section

Profile = Literal["gdpr", "pci", "secrets_only"]

CONTACT = frozenset({"EMAIL_ADDRESS", "PHONE_NUMBER", "URL", "LOCATION", "PERSON", "IP_ADDRESS"})
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
    # A card number is masked with what makes it usable: the verification code (a SECRET) and URLs with credentials.
    "pci": frozenset({"CREDIT_CARD", "IBAN_CODE", "SECRET", "URL"}),
    "secrets_only": frozenset({"SECRET", "URL"}),
}
# What each profile is for, as `mlops privacy profiles` says it.
PURPOSES: dict[str, str] = {
    "gdpr": "chat data about people: every type that detection knows",
    "pci": "payment data: card and account numbers, and the secrets and addresses that make them usable",
    "secrets_only": "code and logs: keys, passwords, tokens and addresses that carry them; people stay",
}

# Detectors whose findings a profile does not mask: plain dates and web addresses tell little about a person, and a
# training text needs them. Dates of birth and addresses with credentials have detectors of their own.
GENERIC = frozenset({"date", "url"})
LEFT_OUT: dict[str, frozenset[str]] = {"gdpr": GENERIC, "pci": GENERIC, "secrets_only": GENERIC}


class PrivacySection(Section):
    """What is masked before any row reaches curation or training."""

    profile: Profile = Field(
        default="gdpr",
        description="Which entity types are masked: gdpr (all), pci (cards, accounts, secrets) or secrets_only.",
    )
    allow: tuple[str, ...] = Field(
        default=(),
        description="Values that are public and stay as they are, such as the company's own support address.",
    )
    residual_tolerance: int = Field(
        default=0,
        ge=0,
        description="How many findings the re-scan of the masked rows may make before the stage is blocked.",
    )
