"""How many examples a rule needs, and what it can see with those it has.

Asked before a run these are the plan; `alpha` is one-sided throughout, as the gate's rules are.
"""

from __future__ import annotations

import math

from mlops.statistics.errors import StatisticsError
from mlops.statistics.samples import check_level, normal_quantile

LARGEST = 10**9  # a required n beyond this is no plan


def quantile_sum(alpha: float, power: float) -> float:
    """z(1 - alpha) + z(power): how many standard errors the truth must lie from the threshold.

    Raises:
        StatisticsError: STATISTICS-002 unless 0 < alpha < 0.5 < power < 1.
    """
    check_level("alpha", alpha, 0.0, 0.5)
    check_level("power", power, 0.5, 1.0)
    return normal_quantile(1 - alpha) + normal_quantile(power)


def minimum_detectable_effect(standard_error: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The distance from the threshold at which a one-sided rule concludes with probability `power`."""
    return quantile_sum(alpha, power) * standard_error


def required_n(standard_deviation: float, distance: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Examples needed so that a truth `distance` away from the threshold is concluded with probability `power`.

    Args:
        standard_deviation: of one example's value (or paired difference), at least 0.
        distance: in the same unit; its sign does not matter.

    Returns:
        At least 1; None where no number of examples up to 10^9 suffices (a distance of zero).
    """
    total = quantile_sum(alpha, power)
    if distance == 0 or not math.isfinite(distance) or not math.isfinite(standard_deviation):
        return None
    needed = (total * standard_deviation / abs(distance)) ** 2
    return max(1, math.ceil(needed)) if needed <= LARGEST else None


def non_inferiority_n(margin: float, discordance: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Pairs needed to show a loss below `margin` when there is none and a share `discordance` of pairs disagrees.

    n = (z(1 - alpha) + z(power))^2 * discordance / margin^2, the variance of a paired difference of proportions
    being its discordance when the proportions are equal.
    """
    check_level("discordance", discordance, 0.0, 1.0 + 1e-12)
    return required_n(math.sqrt(discordance), margin, alpha, power)


def zero_event_n(ceiling: float, alpha: float = 0.05) -> int:
    """Trials without a single event after which the exact upper bound is at or below `ceiling`.

    The smallest n with (1 - ceiling)^n <= alpha: the rule of three without its rounding.
    """
    check_level("ceiling", ceiling)
    check_level("alpha", alpha)
    return math.ceil(math.log(alpha) / math.log1p(-ceiling) - 1e-9)


def floor_mde(trials: float, floor: float, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """How far above `floor` a true proportion must lie so that its score bound clears `floor` with `power`.

    Normal approximation with the variance of the null at the floor and of the alternative at the truth, solved by
    bisection.

    Returns:
        The distance in (0, 1 - floor]; None where even a proportion of 1 would not clear it.

    Raises:
        StatisticsError: STATISTICS-001 without a trial, -002 for a level or floor out of range.
    """
    if trials <= 0:
        raise StatisticsError("STATISTICS-001", f"expected at least one trial, found {trials:g}", todo="add examples")
    check_level("floor", floor)
    quantile_sum(alpha, power)
    z_alpha, z_power = normal_quantile(1 - alpha), normal_quantile(power)
    null = z_alpha * math.sqrt(floor * (1 - floor) / trials)

    def short_of(truth: float) -> float:
        return null + z_power * math.sqrt(truth * (1 - truth) / trials) - (truth - floor)

    low, high = floor, 1.0
    if short_of(high) > 0:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if short_of(middle) > 0 else (low, middle)
    return high - floor
