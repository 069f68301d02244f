"""The URLs of the public proof."""

from django.urls import path

from proof.api import views

urlpatterns = [
    path("performances/<uuid:performance_id>/proof/", views.ProofView.as_view()),
]
