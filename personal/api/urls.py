"""The address of one's own account."""

from django.urls import path

from personal.api.views import MeView

urlpatterns = [path("me/", MeView.as_view(), name="me")]
