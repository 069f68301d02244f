"""The staff page on which members of staff change their own password."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.urls import reverse_lazy

from accounts.admin_forms import OwnPasswordForm


class OwnPasswordView(PasswordChangeView):
    """Django's page with our form, which ends logins and sends a letter."""

    form_class = OwnPasswordForm
    template_name = "registration/password_change_form.html"
    success_url = reverse_lazy("admin:password_change_done")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the context of every staff page."""
        return {**super().get_context_data(**kwargs), **admin.site.each_context(self.request)}
