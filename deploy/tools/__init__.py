"""Programs that the checks of the delivery need, built from Go modules by version and hash."""
