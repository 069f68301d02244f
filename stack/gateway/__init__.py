"""The gateway: nginx, the one entry."""

from stack.gateway.server import NginxGateway, Options, nginx

__all__ = ["NginxGateway", "Options", "nginx"]
