"""Whether one share of people is really larger than another."""

from math import erfc, sqrt


def p_value(hits_a: int, n_a: int, hits_b: int, n_b: int) -> float:
    """How likely a difference this large or larger is by chance alone (two-sided z test, pooled); 1.0 without data.

    >>> round(p_value(60, 100, 40, 100), 4)
    0.0047
    """
    if n_a <= 0 or n_b <= 0:
        return 1.0
    pooled = (hits_a + hits_b) / (n_a + n_b)
    spread = sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    if spread == 0:
        return 1.0
    return erfc(abs(hits_a / n_a - hits_b / n_b) / spread / sqrt(2))
