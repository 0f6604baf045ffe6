"""A service behind a Strongroom sidecar, in Python's standard library and nothing else.

It listens on one Unix socket (STRONGROOM_SERVE) and calls other services through another (STRONGROOM_CALL). Who calls, on
whose behalf and why stands in the request's Strongroom-* fields: the sidecar has proven it, and nobody else can send them.
"""

import http.client
import json
import os
import pathlib
import socket
import socketserver
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler

CARDS = pathlib.Path(os.environ["HOME"], "cards")


class Line(http.client.HTTPConnection):
    """A connection to the sidecar, which goes on by mutual TLS to the service that is named as the host."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.environ["STRONGROOM_CALL"])


def call(request, method, service, path):
    """Calls another service on behalf of whoever made this request, under the handle that the sidecar gave it."""
    line = Line(service, timeout=5)
    try:
        line.request(method, path, headers={"Strongroom-Call": request.headers["Strongroom-Call"]})
        answer = line.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        line.close()


def get_greeting(request, body):
    status, person = call(request, "GET", "customers", "/v1/me")
    if status != 200:
        return status, person
    return 200, {"greeting": f"Good day, {person['given_name']}!"}


def create_card(request, body):
    text = json.loads(body).get("text")
    if not isinstance(text, str) or not 0 < len(text) <= 200:
        return 422, {"type": "urn:greeter:bad-card", "title": "A card has 1 to 200 characters", "status": 422}
    # The id follows from the person and the Idempotency-Key: carried out twice, it is the same card.
    card = request.headers["Strongroom-Resource"]
    CARDS.mkdir(exist_ok=True)
    CARDS.joinpath(card).write_text(text)
    return 201, {"id": card, "text": text}


OPERATIONS = {"getGreeting": get_greeting, "createCard": create_card}


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        if self.path == "/healthz":
            return self.send(200, {})
        operation = OPERATIONS.get(self.headers["Strongroom-Operation"])
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send(*operation(self, body) if operation else (404, {"title": "No such operation", "status": 404}))

    def send(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_request(self, code="-", size="-"):
        if self.path != "/healthz":
            # With a time and the correlation id `strongroom logs` puts the line among all others.
            line = {
                "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "correlation": self.headers["Correlation-Id"],
                "message": f"{self.headers['Strongroom-Operation']} answered {code}",
            }
            print(json.dumps(line), flush=True)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    Server(os.environ["STRONGROOM_SERVE"], Handler).serve_forever()


if __name__ == "__main__":
    main()
