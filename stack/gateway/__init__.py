"""nginx, the one entry."""

from stack.gateway.server import Gateway, nginx

__all__ = ["Gateway", "nginx"]
