"""An OpenID Connect provider as a process of its own: small, strict, and does as tests say.

It speaks discovery, authorize (code with PKCE), token, jwks and userinfo, and signs by RS256. What
a client gets wrong it refuses, as a real one does. `POST /_tell` sets who is logged in there
(`person`), whether its page asks first (`asks`), and what it gets wrong itself (`faults`).
"""

import base64
import hmac
import json
import secrets
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.small_server import QuietServer

ROOT = Path(__file__).resolve().parents[2]
CLIENT_ID, CLIENT_SECRET = "frontrow-test", "mellow-river-31"
PERSON = {"sub": "person-1", "email": "at-provider@example.com", "email_verified": True}
_KEY_NAME = "key-1"


class Provider:
    """What it knows: a person, the codes it gave, and what it gets wrong."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key, self.other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self.orders: dict[str, Any] = {"person": PERSON, "faults": [], "asks": False, "claims": {}}
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: set[str] = set()
        self.asked: list[str] = []
        self.never = threading.Event()

    # --- the documents

    def discovery(self) -> dict[str, Any]:
        issuer = f"{self.url}/other" if "other issuer" in self.orders["faults"] else self.url
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "token_endpoint_auth_methods_supported": [
                self.orders.get("auth", "client_secret_basic")
            ],
        }

    def jwks(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": _KEY_NAME, "use": "sig", "alg": "RS256"}]}

    # --- the flow

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser goes, with a code; ValueError for what is no good start."""
        wanted = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        if any(asked.get(name) != value for name, value in wanted.items()):
            raise ValueError("client_id, response_type or PKCE")
        if "openid" not in asked["scope"].split() or not asked["state"] or not asked["nonce"]:
            raise ValueError("scope, state or nonce")
        if denied := self.orders.get("error"):
            return _back(asked, error=denied)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return _back(asked, code=code)

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        named = (form.get("client_id", ""), form.get("client_secret", ""))
        if authorization:
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            named = tuple(map(unquote_plus, pair.split(":", 1)))  # type: ignore[assignment]
        if named != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        start = self.codes.pop(form.get("code", ""), None)
        if start is None or form.get("redirect_uri") != start["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = _base64(digest).decode()
        if not hmac.compare_digest(challenge, start["code_challenge"]):
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(16)
        self.tokens.add(access)
        return 200, {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.id_token(start["nonce"]),
        }

    def id_token(self, nonce: str) -> str:
        faults, now = self.orders["faults"], int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": self.orders["person"]["sub"],
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
        } | self.orders["claims"]
        if "all in the ID token" in faults:
            claims |= self.orders["person"]
        claims = {name: value for name, value in claims.items() if value is not None}
        if "unsigned" in faults:
            return jwt.encode(claims, None, algorithm="none", headers={"kid": _KEY_NAME})
        if "HMAC" in faults:  # by what everybody knows, in place of a secret
            return _by_hmac(claims, json.dumps(self.jwks()["keys"][0]).encode())
        key = self.other if "signature" in faults else self.key
        name = "key-2" if "unknown key" in faults else _KEY_NAME
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": name})

    def userinfo(self, authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization.removeprefix("Bearer ") not in self.tokens:
            return 401, {"error": "invalid_token"}
        return 200, self.orders["person"] | self.orders.get("userinfo", {})


def _back(asked: dict[str, str], **said: str) -> str:
    return f"{asked['redirect_uri']}?{urlencode({**said, 'state': asked['state']})}"


def _by_hmac(claims: dict[str, Any], secret: bytes) -> str:
    """Sign by HMAC under a public key, which a library refuses to do."""
    header = {"alg": "HS256", "kid": _KEY_NAME, "typ": "JWT"}
    signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return b".".join([signed, _base64(hmac.digest(secret, signed, "sha256"))]).decode()


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _page(query: str) -> bytes:
    return (
        "<!doctype html><html lang=en><title>Consent</title><h1>Share your address?</h1>"
        f'<form method="post" action="/authorize?{query.replace("&", "&amp;")}">'
        '<button name="answer" value="yes">Agree</button>'
        '<button name="answer" value="no">Deny</button></form>'
    ).encode()


def handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            if self.goes_wrong(path):
                return
            if path == "/.well-known/openid-configuration":
                self.answer(200, provider.discovery())
            elif path == "/jwks":
                self.answer(200, provider.jwks())
            elif path == "/userinfo":
                self.answer(*provider.userinfo(self.headers.get("Authorization", "")))
            elif path == "/authorize" and provider.orders["asks"]:
                self.send(200, _page(query), "text/html")
            elif path == "/authorize":
                self.lead(query, "yes")
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if path == "/_tell":
                provider.orders |= json.loads(body)
                self.answer(200, {"asked": provider.asked})
            elif path == "/authorize":
                self.lead(query, parse_qs(body)["answer"][0])
            elif not self.goes_wrong(path):
                sent = self.headers.get("Authorization", "")
                self.answer(*provider.token(dict(parse_qsl(body)), sent))

        def goes_wrong(self, path: str) -> bool:
            """Do what a test has asked for in place of an answer; say whether it did."""
            provider.asked.append(path)
            faults = provider.orders["faults"]
            if f"hang {path}" in faults:
                provider.never.wait()
            if f"500 {path}" in faults:
                self.answer(500, {"error": "server_error"})
            elif f"junk {path}" in faults:
                self.send(200, b"<html>", "text/html")
            else:
                return False
            return True

        def lead(self, query: str, answer: str) -> None:
            asked = dict(parse_qsl(query))
            try:
                there = provider.authorize(asked)
            except (ValueError, KeyError) as error:
                self.answer(400, {"error": f"invalid_request: {error}"})
                return
            if answer == "no":
                there = _back(asked, error="access_denied")
            self.send_response(302)
            self.send_header("Location", there)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def answer(self, status: int, document: Any) -> None:
            self.send(status, json.dumps(document).encode(), "application/json")

        def send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


class RunningProvider:
    """The process, as a test and a browser see it."""

    client_id, client_secret = CLIENT_ID, CLIENT_SECRET

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def settings(self) -> dict[str, Any]:
        """What OIDC_PROVIDER is where this one is set."""
        return {
            "id": "test",
            "name_ko": "길벗",
            "name_en": "Companion",
            "server_url": self.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "origins": [self.url],
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables that set this one."""
        return {
            "OIDC_PROVIDER_ID": "test",
            "OIDC_PROVIDER_NAME": "길벗",
            "OIDC_PROVIDER_NAME_EN": "Companion",
            "OIDC_SERVER_URL": self.url,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }

    def tell(self, *faults: str, **orders: Any) -> list[str]:
        """Say what it does from now on (else as it began); return what it was asked so far."""
        usual = {"person": PERSON, "asks": False, "claims": {}, "userinfo": {}, "error": ""}
        reply = httpx.post(f"{self.url}/_tell", json={**usual, "faults": faults, **orders})
        asked: list[str] = reply.json()["asked"]
        return asked

    def follow(self, url: str) -> str:
        """Do as a browser that is sent there; return where it is sent back."""
        reply = httpx.get(url, follow_redirects=False)
        assert reply.status_code == 302, reply.text
        return reply.headers["Location"]


@contextmanager
def running_provider():
    """Start the process; yields it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.oidc_provider"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield RunningProvider(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    server = QuietServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = handler_of(provider)
    print(provider.url, flush=True)  # noqa: T201  (what who started it waits for)
    server.serve_forever()


if __name__ == "__main__":
    main()
