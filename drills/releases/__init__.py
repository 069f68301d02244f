"""Releases that go wrong for real: builds of the product behind a balancer, judged in a cluster."""
