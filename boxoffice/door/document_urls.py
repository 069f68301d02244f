"""The addresses of the door's documents, under `/door/performances/{id}/`."""

from django.urls import path

from boxoffice.door import documents

app_name = "door_documents"
urlpatterns = [
    path("scans/", documents.SCAN, name="scan"),
    path("scans/batch/", documents.BATCH, name="batch"),
    path("scans/undo/", documents.UNDO, name="undo"),
    path("list/", documents.LIST, name="list"),
    path("search/", documents.SEARCH, name="search"),
]
