"""The WSGI application: Django, with the cheap refusals in front."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

django = get_wsgi_application()

# Once Django is set up: it imports models.
from accounts.api.authentication import login_of  # noqa: E402
from accounts.api.machines import known_machine_in  # noqa: E402
from accounts.page_logins import page_login_in  # noqa: E402
from config import warm_up  # noqa: E402
from kernel.http.call_limits import CallLimits  # noqa: E402
from kernel.http.early_refusals import EarlyRefusals  # noqa: E402
from kernel.http.static_documents import StaticDocuments  # noqa: E402
from payments.api.webhooks import sender_in  # noqa: E402
from queueing.api.authentication import poller_in  # noqa: E402
from storefront.error_pages import ErrorPages  # noqa: E402

application = ErrorPages(
    CallLimits(
        StaticDocuments(EarlyRefusals(django, login_of=login_of)),
        caller_of=lambda environ: (
            login_of(environ)
            or known_machine_in(environ)
            or poller_in(environ)
            or sender_in(environ)
            or page_login_in(environ)
        ),
    )
)
warm_up.start(django)
