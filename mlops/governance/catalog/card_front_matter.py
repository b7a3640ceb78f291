"""What the Hugging Face Hub reads of a dataset card by machine: licence, languages, size, tags, files."""

from __future__ import annotations

import re
from typing import Any

import yaml

from mlops.contracts.contract import Contract
from mlops.contracts.nodes import list_of, mapping_of
from mlops.governance.catalog.results import Check

_LICENCES = (
    *("apache-2.0", "bsd-3-clause", "cc0-1.0", "mit", "odbl", "odc-by", "pddl"),
    *("cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"),
    *("cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0"),
)
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
)


def front_matter(contract: Contract, measured: Check | None) -> str:
    """The block between the fences; only what is known.

    Args:
        measured: the check whose data the card describes, if there is one.
    """
    matter: dict[str, Any] = {"pretty_name": _line(contract.name), **licence(contract)}
    if spoken := languages(contract):
        matter["language"] = spoken
    if measured:
        matter["size_categories"] = [_size(measured.rows_out)]
    if tags := _tags(contract):
        matter["tags"] = tags
    if measured and measured.splits:
        files = [{"split": name, "path": f"{name}/*.parquet"} for name in splits_in_order(measured)]
        matter["configs"] = [{"config_name": "default", "data_files": files}]
    return "---\n" + yaml.safe_dump(matter, sort_keys=False, allow_unicode=True, width=10_000) + "---"


def licence(contract: Contract) -> dict[str, str]:
    """The licence on which the use rests (``mlops.legalBasis: licence-…``), where there is one."""
    named = re.fullmatch(r"licen[cs]e-(.+)", contract.policy.legal_basis.strip().lower())
    links = [
        str(entry.get("url"))
        for entry in map(mapping_of, list_of(contract.document.data.get("authoritativeDefinitions")))
        if str(entry.get("type")).lower() in ("license", "licence")
    ]
    if named is None and not links:
        return {}
    name = named[1] if named else ""
    if known := next((each for each in (name, f"{name}.0") if each in _LICENCES), None):
        return {"license": known}
    return {
        "license": "other",
        **({"license_name": _line(name)} if name else {}),
        **({"license_link": _line(links[0])} if links else {}),
    }


def languages(contract: Contract) -> list[str]:
    """The languages that a column ``language`` may hold, where the contract lists them."""
    found: list[Any] = []
    for each in contract.objects:
        for column in each.properties:
            if column.name == "language":
                found += column.allowed or ()
                for rule in column.quality:
                    found += list_of(mapping_of(rule.entry.get("arguments")).get("validValues"))
    return sorted({word for word in found if isinstance(word, str) and re.fullmatch(r"[a-z]{2,3}", word)})


def _size(rows: int) -> str:
    """The Hub's word for a number of rows."""
    return next((word for limit, word in _SIZES if rows < limit), "n>10B")


def _tags(contract: Contract) -> list[str]:
    data = contract.document.data
    words = [data.get("domain"), *list_of(data.get("tags"))]
    return list(dict.fromkeys(_line(word) for word in words if word))


def _line(word: Any) -> str:
    """In one line: a line of dashes would end the block."""
    return " ".join(str(word).split())


def splits_in_order(measured: Check) -> dict[str, int]:
    """Split → rows: training data first, test data last."""
    order = ("train", "validation", "test")
    rank = {name: place for place, name in enumerate(order)}
    return dict(sorted(measured.splits.items(), key=lambda item: (rank.get(item[0], len(order)), item[0])))
