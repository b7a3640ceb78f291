"""Rules for ``CCPA``, the California Consumer Privacy Act as amended by the CPRA, in the order of its sections."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mlops.contracts.contract import Contract
from mlops.contracts.diff_governance import DELETION
from mlops.contracts.packs.declared import (
    at_root,
    described,
    is_text,
    links,
    prohibits,
    roles,
    root,
    unnamed_purposes,
)
from mlops.contracts.packs.pack_rule import PackRule, Place, pack_rule
from mlops.contracts.packs.personal import HEALTH, columns, concerns_people
from mlops.contracts.packs.storage import deleted_late, not_deletable, unkept
from mlops.contracts.profile import PROHIBITED

OPT_OUT = "mlops.optOut"

SALE = ("resale", "sale", "selling")
SHARING = ("sharing", "advertising", "cross-context-advertising")
"""What the act calls sharing: handing data over for cross-context behavioural advertising."""
INFERENCE = ("profiling", "inference")

SENSITIVE = frozenset(
    (
        HEALTH, "special", "genetic", "neural", "biometric", "race", "ethnicity", "religion", "belief", "union",
        "sex-life", "sexual-orientation", "citizenship", "immigration", "government-id", "ssn", "passport",
        "driving-licence", "credentials", "geolocation", "private-message",
    )
)  # fmt: skip
"""Kinds of data, as ``pii:KIND``, that § 1798.140(ae) counts as sensitive; ``special`` may be any of them."""

_DAYS = 45

_rule = partial(pack_rule, "CCPA")


@_rule("CCPA-01", "Cal. Civ. Code § 1798.100(a)(1)", "error", "The purposes that people are told are written down.")
def purposes(contract: Contract) -> Iterator[Place]:
    if concerns_people(contract):
        yield from unnamed_purposes(contract)


@_rule(
    "CCPA-02", "Cal. Civ. Code § 1798.100(a)(3)", "error", "A retention covers every object with personal information."
)
def retention(contract: Contract) -> Iterator[Place]:
    yield from unkept(contract)


@_rule("CCPA-03", "Cal. Civ. Code § 1798.100(c)", "warning", "Limitations say where use ends, so that it stays needed.")
def proportionate(contract: Contract) -> Iterator[Place]:
    if concerns_people(contract) and not described(contract, "limitations"):
        yield ("description",), "expected limitations in words, found none", "write description.limitations"


@_rule(
    "CCPA-04",
    "Cal. Civ. Code § 1798.100(d), 1798.140(ag)(1)",
    "warning",
    "Where roles read the data, the terms for service providers are linked.",
)
def service_providers(contract: Contract) -> Iterator[Place]:
    if concerns_people(contract) and any(roles(contract)) and not links(contract, "service-provider-terms"):
        message = "roles read personal information and no terms for service providers are linked"
        todo = "add authoritativeDefinitions with type: service-provider-terms, or to the note that none reads it"
        yield ("roles",), message, todo


@_rule(
    "CCPA-05",
    "Cal. Civ. Code § 1798.105(a), (c)",
    "error",
    f"`{DELETION}` names a column that every object with personal information has.",
)
def deletion(contract: Contract) -> Iterator[Place]:
    yield from not_deletable(contract)


@_rule(
    "CCPA-06",
    "Cal. Civ. Code § 1798.120(a)",
    "error",
    f"Sale and sharing are prohibited, or `{OPT_OUT}` says how people opt out.",
)
def opt_out(contract: Contract) -> Iterator[Place]:
    if not concerns_people(contract) or is_text(root(contract).get(OPT_OUT)):
        return
    for name, uses in (("sale", SALE), ("sharing", SHARING)):
        if not prohibits(contract, *uses):
            message = f"{name} is not prohibited and no way to opt out is stated"
            yield at_root(contract, PROHIBITED), message, f"add {uses[0]} to {PROHIBITED}, or declare {OPT_OUT}"


@_rule(
    "CCPA-07",
    "Cal. Civ. Code § 1798.121(a), (d)",
    "error",
    "Where columns are sensitive, profiling is prohibited, or the way to limit their use is linked (type: limit-use).",
)
def sensitive(contract: Contract) -> Iterator[Place]:
    if prohibits(contract, *INFERENCE) or links(contract, "limit-use"):
        return
    for column in columns(contract):
        if kinds := column.kinds & SENSITIVE:
            message = f"{column} is sensitive ({', '.join(sorted(kinds))}) and nothing limits what is inferred from it"
            yield column.path, message, f"add profiling to {PROHIBITED}, or link the way to limit its use"


@_rule(
    "CCPA-08",
    "Cal. Civ. Code § 1798.130(a)(2)(A)",
    "warning",
    f"Deletion on request takes at most {_DAYS} days.",
)
def deletion_in_time(contract: Contract) -> Iterator[Place]:
    yield from deleted_late(contract, _DAYS)


CCPA: tuple[PackRule, ...] = (
    purposes,
    retention,
    proportionate,
    service_providers,
    deletion,
    opt_out,
    sensitive,
    deletion_in_time,
)
