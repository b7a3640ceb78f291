"""The registry: what was released, who said yes, what serves, and the proof of all of it."""
