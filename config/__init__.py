"""Settings, routes and the entry points of web servers and Celery."""
