"""The packs that a contract asks for, and what they find."""

from __future__ import annotations

from mlops.contracts.contract import Contract
from mlops.contracts.errors import Finding
from mlops.contracts.nodes import list_of
from mlops.contracts.packs.ccpa import CCPA
from mlops.contracts.packs.declared import root
from mlops.contracts.packs.gdpr import GDPR
from mlops.contracts.packs.hipaa import HIPAA
from mlops.contracts.packs.pack_rule import PackRule

REGULATIONS = "mlops.regulations"

PACK_RULES: tuple[PackRule, ...] = (*GDPR, *CCPA, *HIPAA)
"""All rules in the order of the table."""


def pack_findings(contract: Contract) -> list[Finding]:
    """What the packs find that ``mlops.regulations`` names, by line; empty where it names none.

    A name without a pack finds nothing: lint reports it. Never raises, whatever the document holds.
    """
    named = [each for each in list_of(root(contract).get(REGULATIONS)) if isinstance(each, str)]
    return sorted(found for rule in PACK_RULES if rule.regulation in named for found in rule.findings(contract))
