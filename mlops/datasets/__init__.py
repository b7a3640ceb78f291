"""Datasets: the canonical chat schema, reading sources into it, curation and the sample data."""
