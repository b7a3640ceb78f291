"""Rules for ``GDPR``, Regulation (EU) 2016/679, in the order of its articles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from mlops.contracts.contract import Contract
from mlops.contracts.diff_governance import DELETION, MASKING
from mlops.contracts.nodes import list_of, mapping_of
from mlops.contracts.packs.declared import (
    at_root,
    is_everybody,
    is_text,
    links,
    role_name,
    roles,
    root,
    unnamed_purposes,
    words,
)
from mlops.contracts.packs.pack_rule import PackRule, Place, pack_rule
from mlops.contracts.packs.personal import LICENCE, SPECIAL, SUBJECTS, Column, columns, concerns_people, tagged
from mlops.contracts.packs.storage import deleted_late, not_deletable, unkept
from mlops.contracts.profile import LEGAL_BASIS, PROHIBITED, PURPOSES, RESIDENCY

SPECIAL_BASIS = "mlops.specialCategoryBasis"
TRANSFER = "mlops.transferMechanism"

EEA = frozenset(
    (
        "eu", "eea", "at", "be", "bg", "hr", "cy", "cz", "dk", "ee", "fi", "fr", "de", "gr", "hu", "ie",
        "it", "lv", "lt", "lu", "mt", "nl", "pl", "pt", "ro", "sk", "si", "es", "se", "is", "li", "no",
    )
)  # fmt: skip
"""The EU, the EEA and the country codes (ISO 3166-1) of its 30 members, as ``mlops.residency`` may name them."""

TRANSFERS = ("adequacy", "scc", "bcr", "code-of-conduct", "certification")
"""Art. 45(3), 46(2)(c) and (d), 47, 46(2)(e), 46(2)(f)."""

_MONTH = 30

_rule = partial(pack_rule, "GDPR")


@_rule("GDPR-01", "GDPR Art. 5(1)(b)", "error", "Purposes are named, and none is both permitted and prohibited.")
def purposes(contract: Contract) -> Iterator[Place]:
    if not concerns_people(contract):
        return
    yield from unnamed_purposes(contract)
    given = root(contract)
    for word in sorted(set(words(given.get(PURPOSES))) & set(words(given.get(PROHIBITED)))):
        message = f"the purpose {word} is both permitted and prohibited"
        yield at_root(contract, PROHIBITED), message, f"keep it in {PURPOSES} or in {PROHIBITED}"


@_rule("GDPR-02", "GDPR Art. 5(1)(c)", "warning", "Every column is classified, and a description or tags say what for.")
def minimisation(contract: Contract) -> Iterator[Place]:
    unsaid: dict[str, list[Column]] = {}
    for column in columns(contract) if concerns_people(contract) else ():
        said = is_text(column.entry.get("description")) or words(column.entry.get("tags"))
        if not said or not column.classification:
            unsaid.setdefault(column.object, []).append(column)
    for name, found in unsaid.items():
        message = f"columns of {name} without a classification, or without a description or tags that say what for"
        yield found[0].path, f"{message}: {', '.join(column.name for column in found)}", "say it, or leave them out"


@_rule("GDPR-03", "GDPR Art. 5(1)(e)", "error", "A retention covers every object that holds personal data.")
def storage_limitation(contract: Contract) -> Iterator[Place]:
    yield from unkept(contract)


@_rule(
    "GDPR-04",
    "GDPR Art. 6(1)",
    "error",
    "The legal basis is one of gdpr-6-1-a to gdpr-6-1-f; a licence is enough only where no personal data is.",
)
def legal_basis(contract: Contract) -> Iterator[Place]:
    given = root(contract)
    basis = "".join(words([given.get(LEGAL_BASIS)]))
    if re.fullmatch("gdpr-6-1-[a-f]", basis):
        return
    path = at_root(contract, LEGAL_BASIS)
    if not basis.startswith(LICENCE):
        yield path, f"expected {LEGAL_BASIS} to be one of gdpr-6-1-a to gdpr-6-1-f", "name the ground of the processing"
        return
    people = [str(column) for column in tagged(contract)] + ([SUBJECTS] if given.get(SUBJECTS) else [])
    if people:
        message = f"a licence is no ground for processing personal data, which {_some(people)} declares"
        todo = "name one of gdpr-6-1-a to gdpr-6-1-f and give the licence as a link; or correct what is not personal"
        yield path, message, todo


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"


@_rule("GDPR-05", "GDPR Art. 9(2)", "error", "Special categories of data rest on a second basis, gdpr-9-2-a to -j.")
def special_categories(contract: Contract) -> Iterator[Place]:
    if re.fullmatch("gdpr-9-2-[a-j]", "".join(words([root(contract).get(SPECIAL_BASIS)]))):
        return
    for column in columns(contract):
        if kinds := column.kinds & SPECIAL:
            message = f"{column} holds a special category ({', '.join(sorted(kinds))}) and no second basis is named"
            yield column.path, message, f"declare {SPECIAL_BASIS}: gdpr-9-2-a (to -j), or leave the column out"


@_rule("GDPR-06", "GDPR Art. 12(3)", "warning", f"Deletion on request takes at most a month, {_MONTH} days.")
def deletion_in_time(contract: Contract) -> Iterator[Place]:
    yield from deleted_late(contract, _MONTH)


@_rule("GDPR-07", "GDPR Art. 17(1)", "error", f"`{DELETION}` names a column that every object with personal data has.")
def erasure(contract: Contract) -> Iterator[Place]:
    yield from not_deletable(contract)


@_rule(
    "GDPR-08", "GDPR Art. 25(1), 32(1)(a)", "error", f"Columns that are tagged as personal data declare `{MASKING}`."
)
def masking(contract: Contract) -> Iterator[Place]:
    for column in tagged(contract):
        if not column.masked:
            message = f"{column} is tagged as personal data and asks for no masking"
            yield column.path, message, f"declare {MASKING}: required for the column"


@_rule("GDPR-09", "GDPR Art. 30(1)(c)", "error", f"`{SUBJECTS}` names the groups of people that the data is about.")
def data_subjects(contract: Contract) -> Iterator[Place]:
    if concerns_people(contract) and not words(root(contract).get(SUBJECTS)):
        message = f"expected {SUBJECTS} with at least one group of people, found none"
        yield at_root(contract, SUBJECTS), message, "name them, for example [customers]"


@_rule("GDPR-10", "GDPR Art. 30(1)(d)", "warning", "Roles name who receives the data.")
def recipients(contract: Contract) -> Iterator[Place]:
    if not concerns_people(contract):
        return
    given = list(roles(contract))
    if not given:
        yield ("roles",), "no role says who receives the data", "name the roles that read it"
    for path, role in given:
        if is_everybody(role):
            yield (
                path,
                f"the role {role_name(role) or 'without a name'} names nobody in particular",
                "name who reads it",
            )


@_rule(
    "GDPR-11",
    "GDPR Art. 35(1), 35(3)(b)",
    "error",
    "Where columns are restricted or of a special category, an impact assessment (type: dpia) is linked.",
)
def impact_assessment(contract: Contract) -> Iterator[Place]:
    risky = [each for each in columns(contract) if each.classification == "restricted" or each.kinds & SPECIAL]
    if risky and not links(contract, "dpia"):
        message = f"{_some([str(column) for column in risky])} may put people at high risk, and no assessment is linked"
        todo = "add authoritativeDefinitions with type: dpia, to the assessment or to the note why none is needed"
        yield risky[0].path, message, todo


@_rule("GDPR-12", "GDPR Art. 44 to 47", "error", f"Where data leaves the EEA, `{TRANSFER}` says on what ground.")
def transfers(contract: Contract) -> Iterator[Place]:
    if not concerns_people(contract):
        return
    given = root(contract)
    mechanism = given.get(TRANSFER)
    for region in list_of(given.get(RESIDENCY)):
        if "".join(words([region])) in EEA:
            continue
        ground = mapping_of(mechanism).get(region) if isinstance(region, str) else None
        if not set(words([mechanism, ground])) & set(TRANSFERS):
            message = f"the region {region} is not known to be in the EEA and no ground for the transfer is named"
            todo = f"declare {TRANSFER}, for all regions or for each: {', '.join(TRANSFERS)}"
            yield at_root(contract, RESIDENCY), message, todo


GDPR: tuple[PackRule, ...] = (
    purposes,
    minimisation,
    storage_limitation,
    legal_basis,
    special_categories,
    deletion_in_time,
    erasure,
    masking,
    data_subjects,
    recipients,
    impact_assessment,
    transfers,
)
