"""``mlops contract diff``: what changed between versions of contracts, and whether their versions say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mlops.contracts.approvals import data_protection_role, required_roles
from mlops.contracts.contract import Contract, build_contract
from mlops.contracts.diff import Change, ContractDiff, diff
from mlops.contracts.errors import ContractError
from mlops.contracts.loading import file_findings
from mlops.contracts.profile import check_document
from mlops.errors import MlopsError
from mlops.governance.diff_report import Comparison, print_text, to_json, to_markdown
from mlops.governance.git_contracts import changed_files
from mlops.governance.lineage import ContractUses, contract_uses, existing_ledger
from mlops.settings import load_settings
from mlops.yaml_source import Document, parse_document

_IN_FORCE = ("active", "deprecated")


def diff_command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="OLD and NEW; with --git: files or folders, data_contracts/ by default.")
    ] = None,
    git: Annotated[
        str, typer.Option("--git", metavar="REVISION", help="Compare the working tree with this revision.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One object; with --git a list of objects.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="A comment for a pull request.")] = False,
    blast_radius: Annotated[bool, typer.Option("--blast-radius", help="With --json: what the contract rules.")] = False,
) -> None:
    """Grade every change between two versions of a contract, and say which bump of the version they require.

    MAJOR, MAJOR with the data-protection role's approval, MINOR, PATCH; what no rule knows is MAJOR. Names the use
    cases, gates, data sets and releases that the contract rules. Exit code 0: the version is raised far enough; 10: it
    is not; 20: wrong input.
    """
    if as_json and as_markdown:
        raise typer.BadParameter("choose one of --json and --markdown")
    comparisons = list(_against_git(git, paths or []) if git else _of_files(paths or []))
    if as_json:
        found = [_json(each, named=bool(git), blast_radius=blast_radius) for each in comparisons]
        typer.echo(json.dumps(found if git else found[0], ensure_ascii=False, indent=2))
    elif as_markdown:
        typer.echo(to_markdown(comparisons), nl=False)
    else:
        print_text(comparisons, Console())
    if not all(each.found.ok for each in comparisons):
        raise typer.Exit(10)


def _json(comparison: Comparison, *, named: bool, blast_radius: bool) -> dict[str, object]:
    content = to_json(comparison, blast_radius=blast_radius)
    if not named:
        return content
    versions = {"old_version": comparison.old_version, "new_version": comparison.new_version}
    return {"contract": comparison.contract, **versions, **content}


def _of_files(paths: list[Path]) -> Iterator[Comparison]:
    if len(paths) != 2:
        message = f"expected two files, OLD and NEW, found {len(paths)}"
        raise ContractError("CONTRACT-022", message, todo="name two, or compare with git: --git main")
    old, new = _contracts(parse_document(path) for path in paths)
    yield _comparison(old, new)


def _against_git(revision: str, paths: list[Path]) -> Iterator[Comparison]:
    """Contracts are told apart by their id, so that a file that was renamed is compared, not removed and added."""
    files = changed_files(load_settings().root, revision, paths)
    before = {each.id: each for each in _contracts(file.old for file in files if file.old)}
    after = {each.id: each for each in _contracts(file.new for file in files if file.new)}
    for key in sorted(before.keys() | after.keys()):
        yield _comparison(before.get(key), after.get(key))


def _contracts(documents: Iterator[Document]) -> list[Contract]:
    """The contracts of all documents; where one is none, everything that is wrong is printed and the command ends."""
    contracts, broken = [], False
    for document in documents:
        findings = file_findings(document) or check_document(document)
        broken = broken or bool(findings)
        for finding in sorted(findings):
            typer.echo(finding.at(document.path), err=True)
        if not findings:
            contracts.append(build_contract(document))
    if broken:
        raise typer.Exit(20)
    return contracts


def _comparison(old: Contract | None, new: Contract | None) -> Comparison:
    here = new or old
    assert here is not None
    found = _one_sided(old, new) if old is None or new is None else diff(old, new)
    protects = old is not None and any(change.grade == "major_governance" for change in found.changes)
    return Comparison(
        contract=here.name,
        old_version=old.version if old else None,
        new_version=new.version if new else None,
        found=found,
        approvers=required_roles(new, old) if new else (),
        data_protection=data_protection_role(old) if old and protects else None,
        uses=_uses(here.id),
    )


def _one_sided(old: Contract | None, new: Contract | None) -> ContractDiff:
    """A contract that came has no earlier version to differ from. One that goes while it is in force has no version
    that could announce it: it is retired in a version of its own first."""
    if new is not None:
        return ContractDiff((), "none", "none", True)
    assert old is not None
    in_force = old.status in _IN_FORCE
    advice = "set its status to retired in a version of its own first" if in_force else f"it was {old.status} before"
    message = f"The contract {old.name} {old.version} was removed: what it ruled is ruled by nothing; {advice}."
    change = Change(old.name, old.path.name, "contract_removed", "major", message)
    return ContractDiff((change,), "major", "none", not in_force)


def _uses(contract: str) -> ContractUses | str:
    """What the contract rules; why that is not known does not keep anybody from reading the difference."""
    try:
        settings = load_settings()
        return contract_uses(settings, existing_ledger(settings), contract)
    except MlopsError as error:
        return str(error)
