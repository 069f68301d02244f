"""URLs of staff pages that come before Django's own."""

from django.urls import path

from accounts import admin_pages, admin_second_factor

app_name = "second_factor"
urlpatterns = [
    path("second-factor/", admin_second_factor.set_up, name="set_up"),
    path(
        "second-factor/recovery-codes/",
        admin_second_factor.renew_recovery_codes,
        name="recovery_codes",
    ),
    path("password_change/", admin_pages.OwnPasswordView.as_view(), name="own_password"),
]
