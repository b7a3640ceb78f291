"""The model card: a README with YAML front matter, in the form that the Hugging Face Hub reads.

Everything in it comes from the dossier and the use-case file, so it is deterministic and says nothing that is not
proved elsewhere. Sections follow Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml


def model_card(dossier: Mapping[str, Any], declared: Mapping[str, Any]) -> str:
    """Render the card as Markdown.

    Args:
        dossier: from ``build_dossier``.
        declared: the parsed use-case file.
    """
    sections = (
        _front_matter(dossier),
        f"# {dossier['use_case']['name']}\n\n{_text(declared.get('description'))}",
        _intended_use(dossier, declared),
        _data(dossier),
        _figures("Masking", "What was replaced before training, counted by the masking stage.", dossier, "mask"),
        _figures("Training", f"Base model: `{dossier['base_model']['path']}`.", dossier, "train"),
        _evaluation(dossier),
        _limits(dossier, declared),
        _how_to_verify(dossier),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(dossier: Mapping[str, Any]) -> str:
    matter = {
        "base_model": dossier["base_model"]["path"],
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "qlora", dossier["use_case"]["name"]],
    }
    return "---\n" + yaml.safe_dump(matter, sort_keys=True, allow_unicode=True) + "---"


def _intended_use(dossier: Mapping[str, Any], declared: Mapping[str, Any]) -> str:
    ethics = _mapping(declared.get("ethics"))
    purpose = _mapping(dossier["use_case"]["purpose"])
    stated = ", ".join(f"{name} {_text(value)}" for name, value in sorted(purpose.items()))
    return (
        f"## Intended use\n\n{_text(ethics.get('intended_use'))}\n\n"
        f"- Owner: {_text(dossier['use_case']['owner'])}\n"
        f"- Purpose of the data: {stated or _text(dossier['use_case']['purpose'])}\n"
        f"- Risk class: {_text(ethics.get('risk_class'))}\n\n"
        f"## Out of scope\n\n{_text(ethics.get('out_of_scope'))}"
    )


def _data(dossier: Mapping[str, Any]) -> str:
    contracts = [
        (f"`{path}`", contract["id"], contract["version"], contract["digest"][:19] + "…")
        for path, contract in dossier["contracts"].items()
    ]
    stages = [
        (stage, facts["rows_in"], facts["rows_out"], facts["digest"][:19] + "…")
        for stage, facts in dossier["artifacts"].items()
    ]
    return (
        "## Data\n\nRuled by these contracts, which lie beside this card:\n\n"
        + _table(("contract", "id", "version", "digest"), contracts)
        + "\n\nWhat each stage read and passed on:\n\n"
        + _table(("stage", "rows in", "rows out", "artifact"), stages)
    )


def _figures(title: str, introduction: str, dossier: Mapping[str, Any], stage: str) -> str:
    rows = list(_flat(dossier["artifacts"][stage]["figures"]))
    body = _table(("figure", "value"), rows) if rows else "No figures were recorded."
    return f"## {title}\n\n{introduction}\n\n{body}"


_RULE_COLUMNS = ("metric", "rule", "tier", "outcome", "value", "interval", "threshold", "examples", "detectable")


def _evaluation(dossier: Mapping[str, Any]) -> str:
    gate = dossier["gate"]
    report = gate["report"]
    rows = [
        (
            rule["id"],
            rule["rule"],
            rule["tier"],
            rule["outcome"],
            rule["value"],
            _interval(rule["interval"]),
            rule["threshold"],
            rule["n"],
            rule.get("mde"),
        )
        for rule in report["metrics"]
    ]
    return (
        f"## Evaluation\n\nGate `{_text(report['gate'])}` version {_text(report['version'])}: "
        f"**{gate['verdict']}**. Compared with: {_text(dossier['champion'] or 'no champion, as none served')}.\n"
        f"All models ran under one harness, `{_text(dossier['harness'])}`.\n\n"
        + _table(_RULE_COLUMNS, rows)
        + "\n\nEach end of an interval is a one-sided bound at the gate's error probability of "
        f"{_text(report['alpha'])}. *Detectable* is the\ndistance from the threshold that the truth needs in order to "
        f"pass with a probability of {_text(report['power'])} at this size."
    )


def _interval(interval: Mapping[str, Any] | None) -> str | None:
    return None if interval is None else f"[{_text(interval['low'])}, {_text(interval['high'])}]"


def _limits(dossier: Mapping[str, Any], declared: Mapping[str, Any]) -> str:
    feasibility = _mapping(declared.get("feasibility"))
    lines = [
        "Figures hold for the evaluation split of the data above; elsewhere they are unknown.",
        "Masking removes what its detectors know; it does not make the data anonymous.",
        "The adapter is of use with its base model only, at the digest that the dossier names.",
    ]
    if dossier["gate"]["verdict"] != "PASS":
        lines.append("The gate was inconclusive: the release serves only where people approved it.")
    if feasibility.get("reason"):
        lines.append(f"Feasibility {_text(feasibility.get('score'))} of 5: {_text(feasibility['reason'])}")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _how_to_verify(dossier: Mapping[str, Any]) -> str:
    name = dossier["use_case"]["name"]
    return (
        "## How to verify\n\n"
        f"`mlops registry list` shows the releases of `{name}`; `mlops verify RELEASE --offline` reads every byte\n"
        "again, from the source's digest to the approver, without a network. `dossier.json` beside this card names\n"
        "every artifact by its SHA-256."
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Scalars inside a JSON value with their dotted names; lists are left out."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _flat(value[key], f"{name}.{key}" if name else str(key))
    elif not isinstance(value, (list, tuple)):
        yield name, value


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(map(_text, columns)) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(map(_text, row)) + " |" for row in rows]
    return "\n".join(lines)


def _text(value: Any) -> str:
    """A value as one line that cannot break the Markdown around it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    line = " ".join(str(value).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
