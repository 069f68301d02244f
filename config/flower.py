"""The configuration of Flower, read by `flower --conf`: every page needs its login.

Flower serves its metrics, with the names of tasks and workers, to anybody who asks, and everything
to anybody where no login is set. Only /healthcheck, which says OK and no more, stays open.
"""

from django.core.exceptions import ImproperlyConfigured
from flower.views.monitor import Metrics
from tornado.options import options
from tornado.web import authenticated

if not (options.basic_auth or options.auth):
    raise ImproperlyConfigured("FLOWER_BASIC_AUTH must be set: user:password of the operators.")

Metrics.get = authenticated(Metrics.get)
