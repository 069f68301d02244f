"""Seat layouts as files: the form, its checks, and what an import would change."""
