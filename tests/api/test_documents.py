"""Where problems and events lead to: the addresses in them answer."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from jsonschema import Draft202012Validator

SCHEMAS = sorted((Path(settings.BASE_DIR) / "docs" / "events").glob("*.json"))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "There is nothing at this URL."), ("ko", "찾을 수 없습니다.")],
)
def test_the_type_of_a_problem_leads_to_its_code_in_the_callers_language(language, words):
    client = Client(headers={"Accept-Language": language})
    page, anchor = client.get("/api/v1/nowhere/").json()["type"].split("#")
    answer = client.get(page)
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    row = answer.text.split(f'<tr id="{anchor}">')[1].split("</tr>")[0]
    assert "404" in row
    assert words in row


def test_the_page_of_codes_loads_nothing_from_elsewhere():
    assert "//" not in Client().get("/docs/errors").text


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_the_dataschema_of_an_event_is_served(path):
    answer = Client().get(f"/docs/events/{path.name}")
    assert answer.headers["Content-Type"] == "application/schema+json"
    assert answer.json() == json.loads(path.read_text())
    Draft202012Validator.check_schema(answer.json())


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fopenapi", "payment.paid.json"])
def test_no_other_file_is_served(name):
    answer = Client().get(f"/docs/events/{name}.json")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/docs/errors", "/docs/events/payment.paid.json"])
def test_documents_are_only_read(path):
    assert Client().post(path).status_code == 405
