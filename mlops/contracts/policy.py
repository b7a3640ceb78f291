"""May this data be used for this purpose, in this region, by this role?"""

from __future__ import annotations

from mlops.contracts.contract import Contract


def refusals(contract: Contract, *, purpose: str, region: str, role: str) -> tuple[str, ...]:
    """Reasons why the contract does not allow the use; empty where it does.

    Names are compared as written: a contract that permits ``EU`` does not thereby permit ``DE``. What is not named
    is not permitted; a prohibition outweighs a permission. Each reason names its clause.
    """
    policy = contract.policy
    who = f"{contract.name} {contract.version}"
    reasons = []
    if contract.status != "active":
        reasons.append(f"status: {who} is {contract.status}, expected active")
    if purpose in policy.prohibited_purposes:
        reasons.append(f"mlops.prohibitedPurposes: {who} forbids {purpose}")
    if purpose not in policy.permitted_purposes:
        permitted = ", ".join(policy.permitted_purposes)
        reasons.append(f"mlops.permittedPurposes: {who} permits {permitted}, not {purpose}")
    if region not in policy.residency:
        reasons.append(f"mlops.residency: {who} stays in {', '.join(policy.residency)}, not {region}")
    if role not in policy.roles:
        reasons.append(f"roles: {who} grants access to {', '.join(policy.roles) or 'no role'}, not {role}")
    return tuple(reasons)
