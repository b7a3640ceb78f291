"""Rules for ``HIPAA``, its Security and Privacy Rules (45 CFR Part 164), in the order of their sections.

The pack asks for de-identified data. The rules know other lawful ways, such as a limited data set for research;
a contract for one of those is a matter for counsel, not for this pack.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mlops.contracts.contract import Contract
from mlops.contracts.diff_governance import MASKING
from mlops.contracts.packs.declared import (
    at_root,
    is_everybody,
    is_text,
    links,
    prohibits,
    role_name,
    roles,
    root,
    words,
)
from mlops.contracts.packs.pack_rule import PackRule, Place, pack_rule
from mlops.contracts.packs.personal import columns, tagged
from mlops.contracts.profile import PROHIBITED, enumerate_sla
from mlops.contracts.retention import months_or_days

METHOD = "mlops.deidentification"
SAFE_HARBOR = "safe-harbor"
METHODS = (SAFE_HARBOR, "expert-determination")
"""§ 164.514(b)(2) and (b)(1)."""
DOCUMENTS = "documentationRetention"
"""Name of the ``slaProperties`` entry that says how long the documentation is kept."""

_SALE = ("resale", "sale", "selling")
_MONTHS, _DAYS = 72, 2192  # 6 years, of which at most two are leap years

_rule = partial(pack_rule, "HIPAA")


@_rule("HIPAA-01", "45 CFR 164.312(a)(1), 164.308(a)(4)", "error", "Every role names who grants access to it.")
def access_control(contract: Contract) -> Iterator[Place]:
    for path, role in roles(contract):
        if not is_text(role.get("firstLevelApprovers")) and not is_text(role.get("secondLevelApprovers")):
            message = f"the role {role_name(role) or 'without a name'} names nobody who grants access to it"
            yield path, message, "name firstLevelApprovers"


@_rule("HIPAA-02", "45 CFR 164.312(b)", "warning", "The place where access is recorded is linked (type: audit).")
def audit(contract: Contract) -> Iterator[Place]:
    if not links(contract, "audit"):
        message = "no link says where access to the data is recorded"
        yield ("authoritativeDefinitions",), message, "add authoritativeDefinitions with type: audit"


@_rule(
    "HIPAA-03",
    "45 CFR 164.316(b)(2)(i), 164.530(j)(2)",
    "error",
    f"An SLA property {DOCUMENTS} keeps the documentation, not the data, for 6 years or more.",
)
def documentation(contract: Contract) -> Iterator[Place]:
    kept = [(path, entry) for path, entry in enumerate_sla(contract.document) if entry.get("property") == DOCUMENTS]
    todo = f"write property: {DOCUMENTS}, value: 6, unit: y"
    if not kept:
        yield ("slaProperties",), f"no SLA property {DOCUMENTS} says how long the documentation is kept", todo
    for path, entry in kept:
        period = months_or_days(entry.get("value"), entry.get("unit"))
        if period is None or period[0] < (_MONTHS if period[1] == "months" else _DAYS):
            yield path, f"expected {DOCUMENTS} of at least 6 years", todo


@_rule(
    "HIPAA-04",
    "45 CFR 164.502(b), 164.514(d)",
    "error",
    "Roles name who needs the data, and none of them may do more than read it.",
)
def minimum_necessary(contract: Contract) -> Iterator[Place]:
    given = list(roles(contract))
    if not given:
        yield ("roles",), "no role says who needs the data", "name the roles that read it"
    for path, role in given:
        name = role_name(role) or "without a name"
        if is_everybody(role):
            yield path, f"the role {name} names nobody in particular", "name who needs the data"
        if words([role.get("access")]) != ["read"]:
            yield path, f"the role {name} may do more than read", "write access: read"


@_rule(
    "HIPAA-05",
    "45 CFR 164.508(a)(3) and (4), 164.502(a)(5)(ii)",
    "error",
    "Marketing and sale are prohibited, or the authorizations for them are linked (type: authorization).",
)
def marketing_and_sale(contract: Contract) -> Iterator[Place]:
    if links(contract, "authorization"):
        return
    for name, uses in (("marketing", ("marketing",)), ("sale", _SALE)):
        if not prohibits(contract, *uses):
            message = f"{name} is not prohibited and no authorization is linked"
            yield at_root(contract, PROHIBITED), message, f"add {uses[0]} to {PROHIBITED}, or link the authorization"


@_rule("HIPAA-06", "45 CFR 164.514(a)", "error", f"Columns tagged `phi` or `pii` declare `{MASKING}`.")
def masking(contract: Contract) -> Iterator[Place]:
    for column in tagged(contract):
        if not column.masked:
            message = f"{column} is tagged as data about people and asks for no masking"
            yield column.path, message, f"declare {MASKING}: required for the column"


@_rule("HIPAA-07", "45 CFR 164.514(b)", "error", f"`{METHOD}` names the method: {' or '.join(METHODS)}.")
def deidentification(contract: Contract) -> Iterator[Place]:
    if not set(words([root(contract).get(METHOD)])) & set(METHODS):
        message = f"expected {METHOD} to be {' or '.join(METHODS)}"
        yield at_root(contract, METHOD), message, "name the method by which the data is de-identified"


@_rule(
    "HIPAA-08",
    "45 CFR 164.514(b)(2)(i)(C)",
    "warning",
    f"Under {SAFE_HARBOR} no column holds dates more exact than a year, unless it is masked.",
)
def dates(contract: Contract) -> Iterator[Place]:
    if words([root(contract).get(METHOD)]) != [SAFE_HARBOR]:
        return
    for column in columns(contract):
        if column.entry.get("logicalType") in ("date", "timestamp") and not column.masked:
            message = f"{column} may hold dates about a person, of which {SAFE_HARBOR} leaves the year only"
            yield column.path, message, f"declare {MASKING}: required, keep the year alone, or use the other method"


HIPAA: tuple[PackRule, ...] = (
    access_control,
    audit,
    documentation,
    minimum_necessary,
    marketing_and_sale,
    masking,
    deidentification,
    dates,
)
