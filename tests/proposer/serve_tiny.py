"""A server of OpenAI's chat API that answers with the tiny model, drawn weights; for `test_endpoint.py`.

    python serve_tiny.py PORT

Behind /model/v1 it answers with the model; /busy/v1 says 503 to every first try of a request, /garbage/v1 answers no
JSON, /foreign/v1 another API's, /slow/v1 too late, /refuse/v1 says 401.
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
SOLVER = SolverModule(init="random")
SOLVER.configure_model()
ONE_AT_A_TIME, SEEN = Lock(), set()


def reply(body):
    """What the model writes, behind a program, so that it can be read."""
    parts = body["messages"][0]["content"]
    text = next(part["text"] for part in reversed(parts) if part["type"] == "text")
    pictures = sum(part["type"] == "image_url" for part in parts)
    with ONE_AT_A_TIME:
        row = SOLVER.encoder.replies(None, text[-400:], [None])
        sampler = Sampler([np.random.default_rng(body["seed"])], body["temperature"], 1.0)
        (said,) = SOLVER.write([row], sampler, min(12, body["max_tokens"]))
    said = " ".join(said.replace("`", "").split())
    return f"How many {pictures} {said}?\n```python\ndef answer(scene):\n    return count(1)\n```"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        _, mode, *rest = self.path.split("/")
        if rest != ["v1", "chat", "completions"]:
            return self.answer(404, b"no such page")
        if mode == "refuse":
            return self.answer(401, b'{"error": "invalid key"}')
        if mode == "busy" and sent not in SEEN:
            SEEN.add(sent)
            return self.answer(503, b"busy")
        if mode == "garbage":
            return self.answer(200, b"<html>\xff not json")
        if mode == "foreign":
            return self.answer(200, b'{"outputs": ["text"]}')
        if mode == "slow":
            time.sleep(3)
        message = {"role": "assistant", "content": reply(json.loads(sent))}
        return self.answer(200, json.dumps({"choices": [{"message": message}]}).encode())

    def answer(self, code, text):
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print("ready", flush=True)
    server.serve_forever()
