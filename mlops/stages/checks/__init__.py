"""The checks that contracts may name, and what a rule may tell them."""
