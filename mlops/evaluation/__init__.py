"""Scores models under one harness and judges the figures: PASS, FAIL or INCONCLUSIVE."""
