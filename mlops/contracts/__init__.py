"""Data contracts: ODCS files, their rules run over Arrow tables, and the purposes they allow."""
