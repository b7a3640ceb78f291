"""Governed LLM fine-tuning: from declared data to a gated, reversible, provable model release."""

__version__ = "0.1.0"
