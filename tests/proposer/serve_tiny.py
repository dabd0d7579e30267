"""A server of OpenAI's chat API that answers with the tiny model, random weights; for `test_endpoint.py`.

    python serve_tiny.py PORT

The first part of the path chooses how it behaves: /model/v1 answers with the model, /busy/v1 refuses the first try of
each request with 503, /garbage/v1 does not answer with JSON, /foreign/v1 answers like another API, /slow/v1 answers too
late, /refuse/v1 answers 401, /dies/v1 and /refuses_and_dies/v1 fall silent within a chunk, /nested/v1 answers with JSON
that is too deep, /endless/v1 never stops, and /no_http/v1 does not speak HTTP.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

import numpy as np

from lightning_ouro.proposer.model import Sampler
from lightning_ouro.solver.module import SolverModule

PORT = int(sys.argv[1])
SOLVER = SolverModule(init="random", lora=None)
SOLVER.configure_model()
ONE_AT_A_TIME, REFUSED_ONCE = Lock(), set()


def reply(body):
    """What the model writes, made readable: as the text of a question with a program."""
    parts = body["messages"][0]["content"]
    prompt = next(part["text"] for part in reversed(parts) if part["type"] == "text")
    images = sum(part["type"] == "image_url" for part in parts)
    with ONE_AT_A_TIME:
        row = SOLVER.encoder.row_of_replies(None, prompt[-400:], [None])
        sampler = Sampler([np.random.default_rng(body["seed"])], body["temperature"], 1.0)
        (text,) = SOLVER.generate_from_base([row], sampler, min(12, body["max_tokens"]))
    text = " ".join(text.replace("`", "").split())
    return f"How many {images} {text}?\n```python\ndef answer(scene):\n    return count(1)\n```"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        _, mode, *rest = self.path.split("/")
        if rest != ["v1", "chat", "completions"]:
            return self.answer(404, b"no such page")
        if mode == "refuse":
            return self.answer(401, b'{"error": "invalid key"}')
        if mode == "busy" and body not in REFUSED_ONCE:
            REFUSED_ONCE.add(body)
            return self.answer(503, b"busy")
        if mode == "garbage":
            return self.answer(200, b"<html>\xff not json")
        if mode == "foreign":
            return self.answer(200, b'{"outputs": ["text"]}')
        if mode == "slow":
            time.sleep(3)
        if mode in ("dies", "refuses_and_dies"):
            return self.fall_silent(200 if mode == "dies" else 500)
        if mode == "nested":
            return self.answer(200, b"[" * 1_000_000)
        if mode == "endless":
            return self.go_on()
        if mode == "no_http":
            self.close_connection = True
            return self.wfile.write(b"hello\r\nworld\r\n")
        message = {"role": "assistant", "content": reply(json.loads(body))}
        return self.answer(200, json.dumps({"choices": [{"message": message}]}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fall_silent(self, status):
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"100\r\n{")
        self.close_connection = True

    def go_on(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:  # the client has enough
            self.close_connection = True

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print("ready", flush=True)
    server.serve_forever()
