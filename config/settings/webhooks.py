"""The settings of webhooks to integrators."""

# Whether they may go to this machine, there by http too (Note [Where webhooks may go] in
# webhooks/targets.py). Never in production.
WEBHOOKS_TO_LOOPBACK = False
