"""Tables of `mlops.privacy.invented_names`."""
