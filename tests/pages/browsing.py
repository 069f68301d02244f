"""A browser without scripts: it reads a page's forms and sends them as a person would."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client


@dataclass
class Form:
    """A form of a page: where it goes, what it sends by itself, and its buttons."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    boxes: dict[str, list[str]] = field(default_factory=dict)  # what may be ticked


class _Forms(HTMLParser):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.found = path, []
        self.form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self.form = Form(said.get("action") or self.path, (said.get("method") or "get").lower())
            self.found.append(self.form)
        if self.form is None or "disabled" in said:
            return
        name, value = said.get("name") or "", said.get("value") or ""
        kind = said.get("type") or "text"
        if tag == "button":
            self.form.buttons.append((name, value))
        elif tag == "input" and kind in ("checkbox", "radio"):
            self.form.boxes.setdefault(name, []).append(value or "on")
            if "checked" in said:
                self.form.fields.setdefault(name, []).append(value or "on")
        elif tag == "input" and name:
            self.form.fields.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None


def forms_of(page: Any) -> list[Form]:
    """Return the forms of a page, in their order."""
    query = page.request.get("QUERY_STRING", "")
    parser = _Forms(page.request["PATH_INFO"] + (f"?{query}" if query else ""))
    parser.feed(page.text)
    return parser.found


def form_with(page: Any, button: str) -> Form:
    """Return the form that has a button of this value (`action`)."""
    [found] = [form for form in forms_of(page) if ("action", button) in form.buttons]
    return found


def send(browser: Client, form: Form, button: str = "", **typed: Any) -> Any:
    """Send a form by one of its buttons; `typed` goes before what it has."""
    data: dict[str, Any] = {**form.fields, **typed}
    if button:
        data["action"] = button
    return browser.post(form.action, data)


def text_of(page: Any) -> str:
    """Return what a page says to people, without its tags and data."""
    body = re.sub(r"<script.*?</script>|<head>.*?</head>", " ", page.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())
