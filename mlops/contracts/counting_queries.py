"""Whether what a query returns is a count or worked out of counts, and so can be no cell of the data.

Read from the query's own syntax tree, as DuckDB writes it down. A count is ``count``, the length of something, a number
that stands in the query, yes or no; sums, shares and other arithmetic of counts are counts. What is not known here is
not taken for one: ``max(column)`` is a cell, and ``avg(column)`` of one row is one too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

Columns: TypeAlias = tuple[tuple[str, bool], ...]
"""Name, in lower case, and whether it holds counts, of each column in order."""
Node: TypeAlias = Mapping[str, Any]

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def _names(*lines: str) -> frozenset[str]:
    return frozenset(name for line in lines for name in line.split())


_COUNT = _names(
    "count count_star count_if countif approx_count_distinct regr_count len length strlen char_length",
    "character_length octet_length bit_length array_length cardinality",
    "row_number rank dense_rank percent_rank cume_dist ntile",
)
_YES_OR_NO = _names(
    "isnan isinf isfinite regexp_matches regexp_full_match starts_with ends_with prefix suffix contains json_valid",
    "list_contains array_contains list_has list_has_any list_has_all ~~ !~~ ~~* !~~* ~~~ ~ !~ ^@",
)
_OF_COUNTS = _names(
    "+ - * / // % ** ^ abs round ceil ceiling floor trunc sign sqrt ln log log2 log10 exp pow power mod divide",
    "greatest least nullif ifnull if min max sum fsum sumkahan kahan_sum avg favg mean median mode any_value first",
    "last quantile quantile_cont quantile_disc stddev stddev_pop stddev_samp variance var_pop var_samp",
)
_OF_THE_FIRST = _names("arg_max arg_min max_by min_by")
_IS_YES_OR_NO = frozenset({"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_NOT", "COMPARE_IN", "COMPARE_NOT_IN"})


@dataclass(frozen=True)
class _Scope:
    """What names mean at one place of a query.

    Attributes:
        tables: columns by table or common table expression; None where they are not known.
        sources: alias and columns of what FROM shows, here and around.
    """

    tables: Mapping[str, Columns | None]
    sources: tuple[tuple[str, Columns | None], ...] = ()


def no_count(connection: Any, query: str, kind: str, tables: Mapping[str, Iterable[str]]) -> str | None:
    """Why the result of a query is no count; None where it is one.

    Args:
        connection: to DuckDB; nothing is run on it but the parser.
        query: one SELECT of one column, of type ``kind``.
        tables: the columns of the tables that it may read.
    """
    if kind.split("(")[0].removeprefix("U") not in _NUMBERS:
        return f"expected a number, found {kind}"
    visible = {name.lower(): tuple((column.lower(), False) for column in tables[name]) for name in tables}
    if _query_counted(connection, query, _Scope(visible)):
        return None
    return "expected a count, or a share worked out of counts, found what may be a cell of the data"


def _query_counted(connection: Any, query: str, scope: _Scope) -> bool:
    (written,) = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0]
    try:
        tree = json.loads(written)
        return not tree["error"] and _subquery_counted(tree["statements"][0]["node"], scope)
    except (KeyError, RecursionError):  # a tree of another shape, or a deep one: nothing is known of what it returns
        return False


def _columns(node: Node, scope: _Scope) -> Columns | None:
    for entry in node["cte_map"]["map"]:
        found = _renamed(_columns(entry["value"]["query_node"], scope), entry["value"]["aliases"])
        scope = replace(scope, tables={**scope.tables, entry["key"].lower(): found})
    if node["type"] == "SET_OPERATION_NODE" and not node["setop_type"].endswith("BY_NAME"):
        return _in_all([_columns(each, scope) for each in node["children"]])
    if node["type"] != "SELECT_NODE":
        return None
    shown = _sources(node["from_table"], scope)
    if len(node["select_list"]) == 1 and _is_plain_star(node["select_list"][0]):
        return shown[0][1] if len(shown) == 1 else None
    inside = replace(scope, sources=(*shown, *scope.sources))
    return tuple((_name(each), _counted(each, inside)) for each in node["select_list"])


def _is_plain_star(entry: Node) -> bool:
    changed = ("columns", "expr", "exclude_list", "replace_list", "rename_list", "qualified_exclude_list")
    return entry["class"] == "STAR" and not any(entry.get(key) for key in changed)


def _name(entry: Node) -> str:
    names = entry.get("column_names") or [""]
    return str(entry.get("alias") or names[-1]).lower()


def _renamed(columns: Columns | None, names: Iterable[str]) -> Columns | None:
    given = [name.lower() for name in names]
    if columns is None:
        return None
    return tuple((given[place] if place < len(given) else name, of) for place, (name, of) in enumerate(columns))


def _in_all(parts: list[Columns | None]) -> Columns | None:
    """The columns of a UNION and the like: named by the first, counts where all are."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts) or len({len(part) for part in known}) > 1:
        return None
    return tuple((column[0][0], all(of for _, of in column)) for column in zip(*known, strict=True))


def _sources(table: Node, scope: _Scope) -> tuple[tuple[str, Columns | None], ...]:
    kind, alias = table["type"], str(table.get("alias") or "").lower()
    if kind == "EMPTY":
        return ()
    if kind == "JOIN":
        return (*_sources(table["left"], scope), *_sources(table["right"], scope))
    columns: Columns | None = None
    if kind == "SUBQUERY":
        columns = _columns(table["subquery"]["node"], scope)
    elif kind == "BASE_TABLE" and not table["schema_name"]:
        columns = scope.tables.get(table["table_name"].lower())
        alias = alias or table["table_name"].lower()
    return ((alias, _renamed(columns, table.get("column_name_alias") or ())),)


def _counted(entry: Node, scope: _Scope) -> bool:
    """Whether an expression is a count. A class of expression that is not listed is none."""
    kind = entry["class"]
    if kind in ("CONSTANT", "COMPARISON", "CONJUNCTION", "BETWEEN"):
        return True
    if kind == "COLUMN_REF":
        return _column_counted([name.lower() for name in entry["column_names"]], scope)
    if kind == "CAST":
        return _counted(entry["child"], scope)
    if kind in ("FUNCTION", "WINDOW"):
        return _function_counted(entry, scope)
    if kind == "CASE":
        results = [*(each["then_expr"] for each in entry["case_checks"]), entry["else_expr"]]
        return all(_counted(each, scope) for each in results)
    if kind == "OPERATOR":
        of_counts = entry["type"] == "OPERATOR_COALESCE" and all(_counted(each, scope) for each in entry["children"])
        return of_counts or entry["type"] in _IS_YES_OR_NO
    if kind == "SUBQUERY":
        return entry["subquery_type"] != "SCALAR" or _subquery_counted(entry["subquery"]["node"], scope)
    return False


def _subquery_counted(node: Node, scope: _Scope) -> bool:
    found = _columns(node, scope)
    return found is not None and all(of for _, of in found)


def _column_counted(names: list[str], scope: _Scope) -> bool:
    """Whether every column that the name may mean holds counts, and there is one."""
    if len(names) > 2:
        return False
    meant = [columns for alias, columns in scope.sources if len(names) == 1 or alias == names[0]]
    found = [of for columns in meant if columns is not None for name, of in columns if name == names[-1]]
    return None not in meant and bool(found) and all(found)


def _function_counted(entry: Node, scope: _Scope) -> bool:
    name = str(entry["function_name"]).lower()
    if entry["schema"] or entry.get("default_expr"):
        return False
    given = [each["expression"] for each in entry["arguments"]]
    if name in _OF_THE_FIRST:
        given, name = given[:1], "max"
    of_counts = name in _OF_COUNTS and bool(given) and all(_counted(each, scope) for each in given)
    return of_counts or name in _COUNT or name in _YES_OR_NO
