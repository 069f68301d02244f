"""The dashboards, a module each, as they are committed in json/ (see observability/README.md)."""
