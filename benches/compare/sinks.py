"""A webhook and a mail server on loopback that write down when a whole message had arrived, and of what it spoke."""

import re
import socketserver
import threading
import time
from dataclasses import dataclass

# What a message is about is found by this name of a dataset.
SUBJECT = re.compile(rb"promise-\d+")


@dataclass(frozen=True)
class Arrival:
    """A message that was taken."""

    subject: str
    at_s: float


class Sink(socketserver.ThreadingTCPServer):
    """A server of one protocol."""

    daemon_threads = True
    # A round follows another: the port is always a new one.
    request_queue_size = 64

    def __init__(self, protocol: type[socketserver.StreamRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), protocol)
        self.arrivals: list[Arrival] = []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "Sink":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def took(self, message: bytes) -> None:
        """Writes down a message, before its sender is told that it was taken."""
        at_s = time.time()
        found = SUBJECT.search(message)
        self.arrivals.append(Arrival(found.group().decode() if found else "", at_s))


class Webhook(socketserver.StreamRequestHandler):
    """HTTP, as much of it as a webhook needs."""

    server: Sink

    def handle(self) -> None:
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.server.took(self.rfile.read(length))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Smtp(socketserver.StreamRequestHandler):
    """SMTP, as much of it as a sender needs that neither logs in nor encrypts."""

    server: Sink

    def handle(self) -> None:
        self.say(b"220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.say(b"354 go on")
                self.server.took(self.message())
                self.say(b"250 taken")
            elif verb == b"QUIT":
                self.say(b"221 bye")
                return
            else:
                self.say(b"250 fine")

    def message(self) -> bytes:
        """Up to the line with a dot alone."""
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def say(self, line: bytes) -> None:
        """One line of an answer."""
        self.wfile.write(line + b"\r\n")
