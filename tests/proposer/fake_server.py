"""A server of OpenAI's chat API in a thread, whose answers a test writes; it notes what it was asked and when."""

import json
import socket
import ssl
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread

CERTIFICATE = (
    Path(__file__).parent / "localhost.pem"
)  # signed by itself, until 2126, for localhost and 127.0.0.1
QUESTION = "How many chair(s) are in this room?\n```python\ndef answer(scene):\n    return count(1)\n```\n"


class Asked:
    """What was asked: bodies, headers and times of the requests, and how many were open at a time."""

    def __init__(self):
        self.bodies, self.headers, self.times, self.paths = [], [], [], []
        self.open = self.most_open = 0
        self.lock, self.end = Lock(), Event()

    def prompt(self, index):
        return self.bodies[index]["messages"][0]["content"]


def message(content=QUESTION, finish_reason="stop", **fields):
    """The JSON of an answer."""
    fields = {"role": "assistant", "content": content} | fields
    return json.dumps({"choices": [{"index": 0, "finish_reason": finish_reason, "message": fields}]})


def _handler(asked, answer):
    """The class of what answers a request, after noting it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's acknowledgement

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with asked.lock:
                number = len(asked.bodies)
                asked.bodies.append(body)
                asked.headers.append({name.lower(): value for name, value in self.headers.items()})
                asked.paths.append(self.path)
                asked.times.append(time.monotonic())
                asked.open += 1
                asked.most_open = max(asked.most_open, asked.open)
            try:
                self.write(answer(asked, number))
            except OSError:  # the client has enough
                self.close_connection = True
            finally:
                with asked.lock:
                    asked.open -= 1

        def do_GET(self):
            self.write((404, "no such page", {}))

        def write(self, answer):
            if callable(answer):
                self.close_connection = True
                return answer(self)
            status, body, headers = answer if isinstance(answer, tuple) else (200, answer, {})
            data = body if isinstance(body, bytes) else body.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 64

    def handle_error(self, *_):
        pass  # a handshake that the client broke off


@contextmanager
def serving(answer, with_tls=False):
    """Yields the root of the API and what was asked.

    Args:
        answer: Called with what was asked and the request's number, from 0; returns a body, or status, body and headers,
            or a function that writes to the connection itself.
        with_tls: Whether it speaks TLS.
    """
    asked = Asked()
    server = _Server(("127.0.0.1", 0), _handler(asked, answer))
    if with_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"{'https' if with_tls else 'http'}://127.0.0.1:{server.server_address[1]}/v1", asked
    finally:
        asked.end.set()
        server.shutdown()
        server.server_close()


@contextmanager
def dead_port():
    """The root of an API on a port that nobody listens to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
