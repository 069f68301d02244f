"""A stand-in for Prometheus that answers each query as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# Takes a query and returns the values of its vector: none is an empty answer, None is no answer.
Answer = Callable[[str], list[float] | None]


@contextmanager
def prometheus(answer: Answer) -> Iterator[str]:
    """Serve the API of queries on a free port of loopback; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._reply(self.rfile.read(length).decode())

        def do_GET(self) -> None:
            self._reply(urlsplit(self.path).query)

        def _reply(self, words: str) -> None:
            query = parse_qs(words).get("query", [""])[0]
            values = answer(query)
            if values is None:
                self.send_error(503)
                return
            vector = [{"metric": {}, "value": [0, str(one)]} for one in values]
            data = {"resultType": "vector", "result": vector}
            body = json.dumps({"status": "success", "data": data}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
