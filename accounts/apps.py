from django.apps import AppConfig
from django.db.models.signals import post_migrate

from kernel.i18n import text


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = text(en="People", ko="사용자와 감사")

    def ready(self) -> None:
        # Not before the models are loaded.
        import accounts.api.schema  # noqa: PLC0415  (drf-spectacular wants it imported)
        import accounts.login_events  # noqa: F401, PLC0415  (a receiver of logins)
        from accounts.api import allauth_clock  # noqa: PLC0415
        from accounts.groups import grant_after_migrate  # noqa: PLC0415

        allauth_clock.install()
        post_migrate.connect(grant_after_migrate, dispatch_uid="accounts.groups")
