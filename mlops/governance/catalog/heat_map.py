"""The columns of a contract: how sensitive each is, what marks it, and whether it is masked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mlops.contracts.contract import Contract, Property
from mlops.contracts.diff_governance import CLASSES
from mlops.contracts.nodes import custom_properties, list_of

NONE = "not classified"
MASKING = "mlops.masking"

STYLE = """
.heat table{width:auto}.heat th,.heat td{padding:.3rem .7rem}
.heat tbody th{padding-left:0;white-space:nowrap;font-weight:400}
.heat thead th{text-align:center;vertical-align:bottom}.heat thead th:first-child{text-align:left;padding-left:0}
.heat td{text-align:center;border-left:1px solid var(--line)}
.heat tbody .group th{font-weight:600;padding-top:.8rem}
.heat .h0{background:rgba(var(--heat),.12)}.heat .h1{background:rgba(var(--heat),.28)}
.heat .h2{background:rgba(var(--heat),.5)}.heat .h3{background:rgba(var(--heat),.72)}
.heat .h4{background:rgba(var(--heat),.9)}.heat .h3,.heat .h4{color:var(--back)}
.heat .mark{background:rgba(var(--heat),.28)}
"""


@dataclass(frozen=True)
class Column:
    """One column as the heat map shows it."""

    object: str
    name: str
    classification: str
    tags: tuple[str, ...]
    masking: str


def columns(contract: Contract) -> Iterator[Column]:
    """All columns in the order of the contract."""
    for each in contract.objects:
        for column in each.properties:
            tags = tuple(str(tag) for tag in list_of(column.entry.get("tags")))
            yield Column(each.name, column.name, classification(column), tags, masking(column))


def classification(column: Property) -> str:
    """As written, or ``not classified``."""
    return str(column.entry.get("classification") or NONE)


def masking(column: Property) -> str:
    """What the column itself says of masking; ``""`` where it says nothing."""
    return _word(custom_properties(column.entry).get(MASKING))


def contract_masking(contract: Contract) -> str:
    """What the contract says of masking for all its columns; ``""`` where it says nothing."""
    return _word(custom_properties(contract.document.data).get(MASKING))


def _word(value: object) -> str:
    return "" if value is None else str(value)


def rank(level: str) -> int:
    """Place of a classification in ``CLASSES``; -1 for none, beyond the last for an unknown word."""
    if level == NONE:
        return -1
    known = level.lower() in CLASSES
    return CLASSES.index(level.lower()) if known else len(CLASSES)


def most_sensitive(contract: Contract) -> str:
    """The highest classification of any column."""
    return max((column.classification for column in columns(contract)), key=rank, default=NONE)


def heat_map(contract: Contract) -> str:
    """Columns × classification, tags and masking, as HTML. A filled cell says that the column has the mark."""
    found = list(columns(contract))
    levels = sorted({*CLASSES, *(column.classification for column in found)}, key=lambda level: (rank(level), level))
    tags = sorted({tag for column in found for tag in column.tags})
    words = sorted({column.masking for column in found if column.masking})
    head = [*levels, *(f"tag {tag}" for tag in tags), *(f"masking {word}" for word in words)]
    titles = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = []
    for each in contract.objects:
        body.append(f'<tr class="group"><th scope="rowgroup" colspan="{len(head) + 1}">{escape(each.name)}</th></tr>')
        body += [_row(column, levels, tags, words) for column in found if column.object == each.name]
    return (
        f'<div class="wide heat" tabindex="0"><table>\n<thead><tr><th scope="col">Column</th>{titles}</tr></thead>\n'
        f"<tbody>\n{chr(10).join(body)}\n</tbody></table></div>"
    )


def _row(column: Column, levels: Sequence[str], tags: Sequence[str], words: Sequence[str]) -> str:
    cells = [_cell(level == column.classification, f"h{min(max(rank(level), 0), 4)}", level) for level in levels]
    cells += [_cell(tag in column.tags, "mark", tag) for tag in tags]
    cells += [_cell(word == column.masking, "mark", f"masking {word}") for word in words]
    return f'<tr><th scope="row">{escape(column.name)}</th>{"".join(cells)}</tr>'


def _cell(is_set: bool, kind: str, meaning: str) -> str:
    """The mark is also a sign, not a colour alone."""
    return f'<td class="{kind}" title="{escape(meaning)}">●</td>' if is_set else "<td></td>"
