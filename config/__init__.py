# Loaded with the settings, so that a shared task sent by any process finds its broker.
from config.celery import app as celery_app

__all__ = ["celery_app"]
