"""Intervals, paired tests, corrections, two-sample tests and power. Plain functions on numbers; no input or output."""
