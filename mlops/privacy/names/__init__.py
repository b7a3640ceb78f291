"""Names of people, places and organisations: a small tagger, its training text and its recipe."""
