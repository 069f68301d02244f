"""Note [Private attributes] in kernel/README.md: what we touch of libraries is there."""

import psycopg
from django.contrib.admin import ModelAdmin
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.transaction import Atomic
from prometheus_client import CollectorRegistry, Histogram
from psycopg import BaseConnection, errors
from redis import Connection
from rest_framework.request import Request


def test_the_attributes_that_libraries_keep_to_themselves_are_there(rf):
    assert Connection()._sock is None
    assert issubclass(errors._WaitTimeout, psycopg.Error)
    assert "_pool" in BaseConnection.__del__.__code__.co_consts
    histogram = Histogram("seconds", "of a test", registry=CollectorRegistry())
    assert len(histogram._buckets) == len(histogram._upper_bounds)
    assert histogram._sum.get() == 0
    assert isinstance(DatabaseWrapper._connection_pools, dict)
    assert Atomic(None, True, False)._from_testcase is False
    for name in ("_changeform_view", "_get_obj_does_not_exist_redirect", "_get_base_actions"):
        assert callable(getattr(ModelAdmin, name))
    request = rf.get("/")
    assert Request(request)._request is request
