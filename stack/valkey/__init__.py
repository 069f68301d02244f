"""Valkey 9, four small servers: each role can fail alone."""

from stack.valkey.server import ROLES, Valkey

__all__ = ["ROLES", "Valkey"]
