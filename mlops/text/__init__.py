"""Text in one form, its words and n-grams. Plain functions on text and on Arrow columns; no input or output."""
