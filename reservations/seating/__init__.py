"""Choosing seats: the plan of a layout, a snapshot of what is free, and the chooser."""
