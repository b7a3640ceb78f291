"""Readers of the ledger: Prometheus exporter, JSON-lines log, W&B. None of them can fail or block a run."""
