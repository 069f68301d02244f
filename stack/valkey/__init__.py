"""Valkey 9, four small servers, or a cluster for a role: each role can fail alone."""

from stack.valkey.cluster import Node, ValkeyCluster
from stack.valkey.server import ROLES, Valkey

__all__ = ["ROLES", "Node", "Valkey", "ValkeyCluster"]
