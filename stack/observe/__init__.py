"""What observes a stack: Prometheus, Alertmanager, exporters, and the exporter of state."""

from stack.observe.parts import absent, services

__all__ = ["absent", "services"]
