"""The gateway: nginx, the one entry."""

from stack.gateway.server import NginxGateway, Options, nginx
from stack.gateway.upstreams import Upstreams

__all__ = ["NginxGateway", "Options", "Upstreams", "nginx"]
