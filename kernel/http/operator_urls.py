"""URLs of the operators' views."""

from django.urls import path

from kernel.http import operators

urlpatterns = [
    path("healthz/live", operators.live),
    path("healthz/ready", operators.ready),
    path("healthz/startup", operators.startup),
    path("metrics", operators.metrics),
]
