"""What masking did, without one raw value: counts, verdicts of validators, digests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops.artifacts import canonical_json, digest_bytes
from mlops.privacy.config import PrivacySection
from mlops.privacy.questions import QUESTIONS


@dataclass(frozen=True)
class MaskReport:
    """The account of one masking pass. All shares can be derived from these counts.

    Attributes:
        profile: the section's profile.
        config_digest: digest of the whole section.
        patterns_digest: digest of all pattern sources.
        rows_in, rows_out, rows_changed: rows given, rows passed on, rows passed on with at least one replacement.
        quarantined: rows kept back, by reason.
        counts: (type, detector, role) and how many spans were replaced.
        entities: distinct values per type, summed over conversations.
        validators: (validator, accepted, rejected) candidates.
        residual: findings of the re-scan of the masked rows, by type.
        residual_tolerance: how many of them the section allows.
        key_id: id of the key that the profile worked with, None where it needs none. Never the key.
        operators: (entity type, operator); type ``default`` stands for all that are not named.
    """

    profile: str
    config_digest: str
    patterns_digest: str
    rows_in: int
    rows_out: int
    rows_changed: int
    quarantined: tuple[tuple[str, int], ...]
    counts: tuple[tuple[str, str, str, int], ...]
    entities: tuple[tuple[str, int], ...]
    validators: tuple[tuple[str, int, int], ...]
    residual: tuple[tuple[str, int], ...]
    residual_tolerance: int
    key_id: str | None = None
    operators: tuple[tuple[str, str], ...] = ()

    @property
    def rows_quarantined(self) -> int:
        return sum(count for _, count in self.quarantined)

    @property
    def masked_total(self) -> int:
        """Spans replaced in all."""
        return sum(count for *_, count in self.counts)

    @property
    def residual_total(self) -> int:
        return sum(count for _, count in self.residual)

    @property
    def within_tolerance(self) -> bool:
        """Whether the re-scan found no more than the section allows: what the gate of the stage asks."""
        return self.residual_total <= self.residual_tolerance

    def by_type(self) -> dict[str, int]:
        """Spans replaced per entity type, sorted by name."""
        totals: Counter[str] = Counter()
        for kind, _, _, count in self.counts:
            totals[kind] += count
        return dict(sorted(totals.items()))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping; the same rows in any order give the same one."""
        return {
            "profile": self.profile,
            "key_id": self.key_id,
            "operators": dict(self.operators),
            "config_digest": self.config_digest,
            "patterns_digest": self.patterns_digest,
            "rows": {
                "in": self.rows_in,
                "out": self.rows_out,
                "changed": self.rows_changed,
                "quarantined": self.rows_quarantined,
            },
            "quarantined": dict(self.quarantined),
            "counts": [
                {"type": kind, "detector": detector, "role": role, "count": count}
                for kind, detector, role, count in self.counts
            ],
            "entities": dict(self.entities),
            "validators": {
                name: {"accepted": accepted, "rejected": rejected} for name, accepted, rejected in self.validators
            },
            "residual": dict(self.residual),
            "residual_total": self.residual_total,
            "residual_tolerance": self.residual_tolerance,
        }


def config_digest(section: PrivacySection) -> str:
    return digest_bytes(canonical_json(section.model_dump(mode="json")))


def operators_of(section: PrivacySection) -> tuple[tuple[str, str], ...]:
    """(entity type, operator) as the profile has them."""
    named = sorted((kind, what.operator) for kind, what in section.operations.types.items())
    return (("default", section.operations.default.operator), *named)


def patterns_digest() -> str:
    """Digest of every pattern source in use, so that two reports can be compared at all."""
    asked = {name: [member.branches for member in members] for name, members in QUESTIONS.items()}
    return digest_bytes(canonical_json(asked))


def validator_rows(tally: Mapping[tuple[str, bool], int]) -> tuple[tuple[str, int, int], ...]:
    """(validator, accepted, rejected), sorted by name."""
    names = sorted({name for name, _ in tally})
    return tuple((name, tally.get((name, True), 0), tally.get((name, False), 0)) for name in names)


def sorted_counts(counter: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counter.items()))


def role_counts(found: Iterable[tuple[str, str, str]]) -> tuple[tuple[str, str, str, int], ...]:
    """Count (type, detector, role) triples."""
    return tuple((*key, count) for key, count in sorted(Counter(found).items()))
