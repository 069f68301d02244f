"""Addresses of the operators' views."""

from django.urls import path

from kernel.telemetry import views

urlpatterns = [
    path("healthz/live", views.live),
    path("healthz/ready", views.ready),
    path("healthz/startup", views.startup),
    path("metrics", views.metrics),
]
