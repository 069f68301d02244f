"""The chart in helm/frontrow, rendered and checked by the real tools, without a cluster."""
