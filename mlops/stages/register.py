"""register: the dossier of the candidate. Once it is sealed, the runner enters the release into the registry."""

from __future__ import annotations

from mlops.artifacts import read_json
from mlops.registry.dossier import build_dossier, write_dossier
from mlops.stages.stage_io import StageContext, StageOutcome


def run(context: StageContext) -> StageOutcome:
    """Writes ``dossier.json``, the model card, the use case, the contracts and their approvals."""
    facts = read_json(context.inputs["evaluate"] / "models.json")
    pins = context.pins
    contracts = (pins["source_contract"], pins["training_contract"])
    dossier = build_dossier(
        root=context.root,
        use_case_file=context.use_case_file,
        use_case_digest=pins["use_case"],
        base_model=pins["base_model"]["path"],
        base_model_digest=pins["base_model"]["digest"],
        contracts={contract["path"]: contract["digest"] for contract in contracts},
        approvals=pins["approvals"],
        inputs=context.inputs,
        approval=context.sections["approval"],
        champion=facts["champion"],
    )
    write_dossier(context.output, dossier, root=context.root, use_case_file=context.use_case_file)
    return StageOutcome(None, None, {"verdict": dossier["gate"]["verdict"], "champion": facts["champion"]})
