"""Secrets that must not be in Git, by their form, and one planted example of each.

The examples are put together here, so that this file holds none itself.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FORMS = {
    "key of AWS": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "secret key of AWS": re.compile(
        r"(?i)aws_secret_access_key['\"]?\s*[=:]\s*['\"]?[A-Za-z0-9/+]{40}\b"
    ),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}"),
    "token of the code's host": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{82})\b"),
    "webhook of a chat": re.compile(r"hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{24}"),
    "live key of a payment gateway": re.compile(r"\blive_(sk|gsk)_[A-Za-z0-9]{20,}"),
    "URL with a password": re.compile(
        r"\b(postgres(ql)?|rediss?(\+cluster)?|amqps?|smtp(\+tls)?)://[^\s:/@<>${]*:"
        r"(?!(frontrow|postgres|password|secret|double|x+|\.{3})@)[A-Za-z0-9_!%+-]{16,}@"
    ),
    "password in an entry": re.compile(
        r"""(?im)^\s*(?:secret_string|SECRET_KEY|OPS_TOKEN|password)\s*[:=]\s*['"]?"""
        r"""(?=[^\s'"]*[0-9])(?=[^\s'"]*[A-Za-z])[A-Za-z0-9+/_-]{32,}['"]?\s*$"""
    ),
}
_LETTERS = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1BcD4eFg7iJk0mNoP3qRs6uVw9yZa2"
PLANTED = {
    "key of AWS": "AKIA" + "Q" * 16,
    "secret key of AWS": f'aws_secret_access_key = "{_LETTERS[:40]}"',
    "private key": "-----BEGIN " + "PRIVATE KEY-----\n" + _LETTERS[:32] * 2,
    "token of the code's host": "ghp" + "_" + _LETTERS[:36],
    "webhook of a chat": "https://hooks.slack" + ".com/services/T12345678/B12345678/" + "a" * 24,
    "live key of a payment gateway": "live" + "_sk_" + _LETTERS[:24],
    "URL with a password": "DATABASE_URL=postgresql://frontrow:" + _LETTERS[:20] + "@host/db",
    "password in an entry": "OPS_TOKEN" + ": " + _LETTERS[:40],
}


def found_in(text: str) -> set[str]:
    """Return which kinds of secret a text holds."""
    return {kind for kind, form in FORMS.items() if form.search(text)}


def committed() -> Iterator[tuple[str, str]]:
    """Yield the name and text of each file that Git knows; pictures and fonts aside."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, names.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if b"\0" not in data[:4096]:
                yield name, data.decode(errors="replace")
