"""Whatever the databases keep has a reason in `database_rules.py`: Note [Database rules]."""

import re

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from concerts import database_rules
from kernel.docs.database_rules import own_apps, rules_of

# Name and table of what a catalogue says is kept, and the first column of what Django names itself.
_KEPT = """
SELECT c.relname, k.conname, NULL FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
 WHERE k.contype IN ('c', 'x') AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
UNION ALL
SELECT c.relname, i.relname, CASE WHEN x.indnkeyatts = 1 THEN a.attname END
  FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
 WHERE c.relnamespace = 'public'::regnamespace AND NOT x.indisprimary AND NOT c.relispartition
UNION ALL
SELECT c.relname, t.tgname, NULL FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT NULL, p.proname, NULL FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype
"""
_PATTERN_INDEX = re.compile(r"_[0-9a-f]{8}_like$")


def rules():
    return [rule for config in own_apps() for rule in rules_of(config)]


def kept(alias: str) -> set[str]:
    """What a database's catalogue lists of our own, by the names of `database_rules.py`."""
    explained = {rule.name for rule in rules()}
    own = {m._meta.db_table: m for config in own_apps() for m in config.get_models()}
    positive = {
        f"{table}_{field.column}_check"
        for table, model in own.items()
        for field in model._meta.concrete_fields
    }
    prefixes = tuple({f"{model._meta.app_label}_" for model in own.values()})
    every = apps.get_models(include_auto_created=True)
    joins = {model._meta.db_table for model in every if model._meta.auto_created}
    with connections[alias].cursor() as cursor:
        cursor.execute(_KEPT)
        rows = cursor.fetchall()
    found = set()
    for table, name, column in rows:
        if name in explained:
            found.add(name)
        elif f"{table}.{column}" in explained:
            found.add(f"{table}.{column}")
        elif name in positive or _PATTERN_INDEX.search(name):
            continue  # Django's own, see the note
        elif table in own or (table not in joins and name.startswith(prefixes)):
            found.add(name)
    return found


def test_what_the_databases_keep_is_what_the_apps_explain():
    explained = {rule.name for rule in rules()}
    assert len(explained) > 70
    assert kept("default") | kept("idempotency") == explained


@pytest.mark.control
def test_a_constraint_that_nobody_explains_is_seen():
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE concerts_venue ADD CONSTRAINT venue_stray CHECK (true)")
        try:
            assert "venue_stray" in kept("default")
        finally:
            cursor.execute("ALTER TABLE concerts_venue DROP CONSTRAINT venue_stray")


def test_a_declared_constraint_without_a_reason_stops_the_documents(monkeypatch):
    fewer = dict(database_rules.RULES)
    del fewer["concerts_seat_reads_once"]
    monkeypatch.setattr(database_rules, "RULES", fewer)
    with pytest.raises(ImproperlyConfigured, match=r"no reason for .*concerts_seat_reads_once"):
        rules_of(apps.get_app_config("concerts"))


def test_a_reason_for_nothing_stops_the_documents(monkeypatch):
    more = {**database_rules.RULES, "concerts_seat_gone": "It was dropped."}
    monkeypatch.setattr(database_rules, "RULES", more)
    with pytest.raises(ImproperlyConfigured, match=r"for nothing .*concerts_seat_gone"):
        rules_of(apps.get_app_config("concerts"))
