"""Which addresses are of pages, for people, and which of documents, for programs.

Note [Pages and documents]
At a page's address everything that is said is a page, refusals too, in the language of the address;
at every other address a refusal is a problem document. An address that nothing serves is a page's
unless it lies under one of those below: it is a person who mistypes.
"""

_DOCUMENTS = (
    "/.well-known/",
    "/_allauth/",
    "/account/token/",
    "/admin/",
    "/api/",
    "/docs/",
    "/door/performances/",
    "/healthz/",
    "/media/",
    "/metrics",
    "/payments/",
    "/static/",
)
_LANGUAGES = ("ko", "en")
_STAFF = ("/staff/", "/door/")


def is_page(path: str) -> bool:
    """Say whether a path is a page's (Note [Pages and documents])."""
    return not path.startswith(_DOCUMENTS)


def language_in(path: str) -> str | None:
    """Return the language that a path begins with, `ko` or `en`; None where it has none."""
    first = path[1:].partition("/")[0]
    return first if first in _LANGUAGES else None


def in_language(language: str, path: str) -> str:
    """Return the path of a page in another language; with "" without one."""
    rest = path[3:] if language_in(path) else path
    return (f"/{language}" if language else "") + (rest or "/")


def is_of_staff(path: str) -> bool:
    """Say whether the session of staff counts at a path: their pages, the admin, the documents."""
    return is_staff_page(path) or path.startswith("/admin/")


def is_staff_page(path: str) -> bool:
    """Say whether a path is of staff or the door, whose login is that of the admin."""
    return in_language("", path).startswith(_STAFF)
