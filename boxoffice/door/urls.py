"""The addresses of the door's pages, under `/ko/door/` and `/en/door/`."""

from django.urls import path

from boxoffice.door import installed, pages

app_name = "door"
urlpatterns = [
    path("", pages.home, name="home"),
    path("keeper.js", installed.keeper, name="keeper"),
    path("manifest.webmanifest", installed.manifest, name="manifest"),
    path("<uuid:performance_id>/", pages.gate, name="gate"),
    path("<uuid:performance_id>/conflicts/", pages.conflicts, name="conflicts"),
]
