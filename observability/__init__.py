"""How a site says how it is: rules of alerts, dashboards, and what holds both to the metrics."""
