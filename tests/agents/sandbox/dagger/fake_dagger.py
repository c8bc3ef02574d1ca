"""A stand-in for the dagger CLI and its engine, for its faults: `session` prints an address and answers questions.

`FAKE_DAGGER` names a folder. A file `fails`, `silent` or `frozen` in it makes it end with an error, print nothing, or
stop to answer. In `starts` there is a line for each time that it was started.
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from graphql import build_schema, graphql_sync

FOLDER = Path(os.environ["FAKE_DAGGER"])
SCHEMA = build_schema("type Query { version: String! }")


class Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        while (FOLDER / "frozen").exists():
            time.sleep(0.1)
        found = graphql_sync(SCHEMA, asked["query"], {"version": "v0"}, variable_values=asked.get("variables"))
        body = json.dumps(found.formatted).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


def main() -> None:
    (FOLDER / "pid").write_text(str(os.getpid()))
    with (FOLDER / "starts").open("a") as file:
        file.write("started\n")
    if (FOLDER / "fails").exists():
        print("the engine at tcp://nowhere is not there", file=sys.stderr)
        sys.exit(3)
    while (FOLDER / "silent").exists():
        time.sleep(0.1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    print(json.dumps({"port": server.server_port, "session_token": "token"}), flush=True)
    server.serve_forever()  # a dead engine keeps the real one from ending, too


main()
