"""The gateway: nginx, the one entry."""

from stack.gateway.server import Gateway, Options, nginx

__all__ = ["Gateway", "Options", "nginx"]
