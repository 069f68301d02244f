"""Lines of servers, each in a form of its own, as the JSON objects that Frontrow's own lines are.

Note [Lines without values]
Only what is known to name no person and no secret is taken over: of an nginx error not the request
and the client, of PostgreSQL's neither statement nor detail, of an uncaught error of Python not
what PostgreSQL quotes in it (Note [No values in the log], stack/postgres/settings.py).
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Line = dict[str, Any]

# How our own processes, nginx's access log and Kafka's layout begin: nothing is left to do.
FINISHED = (b'{"time": "', b'{"time":"')
_LEVELS = {
    "LOG": "INFO",
    "NOTICE": "INFO",
    "STATEMENT": "INFO",
    "WARN": "WARNING",
    "EMERG": "CRITICAL",
    "ALERT": "CRITICAL",
    "CRIT": "CRITICAL",
    "FATAL": "CRITICAL",
    "PANIC": "CRITICAL",
    "VERBOSE": "DEBUG",
    **{f"DEBUG{number}": "DEBUG" for number in range(1, 6)},
}
_KNOWN = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
_QUOTED = re.compile(r"\n(?:DETAIL|LINE \d+|CONTEXT|QUERY|HINT|STATEMENT): .*", re.DOTALL)


def level(word: str) -> str:
    """Return the level that a server's own word means."""
    word = word.upper()
    word = _LEVELS.get(word, word)
    return word if word in _KNOWN else "INFO"


def as_text(moment: datetime) -> str:
    """Return a moment as all lines say it: RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _moment(text: str, form: str) -> str:
    return as_text(datetime.strptime(text, form).replace(tzinfo=UTC))


def _valkey(found: re.Match[str]) -> Line:
    at = as_text(datetime.fromisoformat(found["at"]))
    return {"time": at, "level": level(found["level"]), "logger": "valkey", "message": found["m"]}


def _nginx(found: re.Match[str]) -> Line:
    at = _moment(found["at"], "%Y/%m/%d %H:%M:%S")
    message, _, more = found["m"].partition(", client: ")
    line = {"time": at, "level": level(found["level"]), "logger": "nginx", "message": message}
    upstream = re.search(r'upstream: "([^"?]+)', more)
    return line | ({"upstream": upstream[1]} if upstream else {})


def _postgres(found: re.Match[str]) -> Line:
    at = _moment(found["at"], "%Y-%m-%d %H:%M:%S.%f")
    return {"time": at, "level": level(found["level"]), "logger": "postgres", "message": found["m"]}


def _patroni(found: re.Match[str]) -> Line:
    at = _moment(found["at"], "%Y-%m-%d %H:%M:%S,%f")
    return {"time": at, "level": level(found["level"]), "logger": "patroni", "message": found["m"]}


def _python(found: re.Match[str]) -> Line:
    return {"level": level(found["level"]), "message": found["m"]}


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Line]], ...] = (
    (
        re.compile(
            r'pid=\d+ role=\S+ timestamp="(?P<at>[^"]+)" level=(?P<level>\w+) message="(?P<m>.*)"'
        ),
        _valkey,
    ),
    (
        re.compile(r"(?P<at>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>\w+)\] [\d#]+: (?P<m>.*)"),
        _nginx,
    ),
    (
        re.compile(
            r"(?P<at>\d{4}-\d\d-\d\d [\d:]{8}\.\d+) UTC \[\d+\] .*?(?P<level>[A-Z]+\d?):  (?P<m>.*)"
        ),
        _postgres,
    ),
    (
        re.compile(r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+) (?P<level>[A-Z]+): (?P<m>.*)"),
        _patroni,
    ),
    (re.compile(r"\[?(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\]?:? (?P<m>.*)"), _python),
)


def of_text(text: str) -> Line | None:
    """Return what a line that is no JSON says; None where it has no form that is known."""
    for pattern, read in _FORMS:
        found = pattern.fullmatch(text)
        if found is not None:
            try:
                return read(found)
            except ValueError:  # what looks like a moment is none
                return None
    return None


def of_object(said: Line) -> Line:
    """Return what a JSON line of a server says: PostgreSQL's (`jsonlog`), etcd's, or another's."""
    if "error_severity" in said:
        at = _moment(str(said.get("timestamp", ""))[:23], "%Y-%m-%d %H:%M:%S.%f")
        line = {"time": at, "level": level(said["error_severity"]), "logger": "postgres"}
        line["message"] = said.get("message", "")
        wanted = ("pid", "user", "dbname", "application_name", "backend_type", "state_code")
        return line | {name: said[name] for name in wanted if said.get(name)}
    if "ts" in said:
        at = as_text(datetime.fromisoformat(str(said["ts"])))
        line = {"time": at, "level": level(str(said.get("level", ""))), "logger": "etcd"}
        return line | {"message": said.get("msg", "")}
    return said


class ServerLines:
    """What one process writes, piece by piece, as whole JSON lines.

    Lines that belong together (an uncaught error of Python, what Java says of one) become one. What
    has no time gets that of its arrival, by `now`.
    """

    def __init__(self, service: str, version: str, now: Callable[[], datetime]) -> None:
        self._process = {"service": service, "version": version}
        self._now = now
        self._rest = b""
        self._open: Line | None = None

    def take(self, data: bytes) -> bytes:
        """Return the lines that `data` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        made: list[bytes] = []
        for line in whole:
            if line.startswith(FINISHED) and line.endswith(b"}"):
                made += [self._closed(), line + b"\n"]
            elif line.strip():
                made.append(self._take_other(line.decode(errors="replace").rstrip("\r")))
        return b"".join(made)

    def flush(self) -> bytes:
        """Return what waited for more that belongs to it."""
        rest, self._rest = self._rest, b""
        return (self.take(rest + b"\n") if rest else b"") + self._closed()

    def _take_other(self, text: str) -> bytes:
        line = self._object_in(text) or of_text(text)
        if line is not None:
            return self._opened(line)
        if self._open is not None and (text[0].isspace() or "more" in self._open):
            self._open["more"] = f"{self._open.get('more', '')}\n{text}"
            return b""
        if text.startswith("Traceback (most recent call last)"):
            return self._opened({"level": "ERROR", "message": text, "more": text})
        return self._opened({"level": "INFO", "message": text.strip()})

    def _object_in(self, text: str) -> Line | None:
        if not text.startswith("{"):
            return None
        try:
            said = json.loads(text)
            return of_object(said) if isinstance(said, dict) else None
        except (ValueError, RecursionError):
            return None

    def _opened(self, line: Line) -> bytes:
        before = self._closed()
        known = {"time": as_text(self._now()), "level": "INFO", "logger": self._process["service"]}
        self._open = known | line
        return before

    def _closed(self) -> bytes:
        line, self._open = self._open, None
        if line is None:
            return b""
        more = line.pop("more", "")
        if more:
            line["exc_info"] = more = _QUOTED.sub("", more)
            if more.startswith("Traceback"):
                line["message"] = more.splitlines()[-1]
        ordered = {name: line.pop(name) for name in ("time", "level", "logger", "message")}
        return json.dumps({**ordered, **self._process, **line}, ensure_ascii=False).encode() + b"\n"
