"""Web servers that take posts and answer them as badly as they are told.

The one argument is JSON: a list of servers, each {"name", "does": [...]}. `does` has the answers to the first, second ... request;
later ones get 200. An answer is {"status", "headers", "body"} and may say "how" it comes:

  "drips"    a byte a second
  "resets"   half of it, and then the connection is reset
  "endless"  a body that never ends
  "bomb"     a body of ten megabytes that become ten gigabytes when somebody unpacks them

{"later": SECONDS} adds a Retry-After with the date that is so far away.

The first line of output has the ports by name; then each line is a request.
"""

import asyncio
import email.utils
import gzip
import json
import socket
import struct
import sys
import time

TAKEN = {"status": 200, "body": "ok"}


def tell(**event):
    print(json.dumps(event), flush=True)


def head(answer, length):
    headers = {"Connection": "close", **answer.get("headers", {})}
    if "later" in answer:
        headers["Retry-After"] = email.utils.formatdate(time.time() + answer["later"], usegmt=True)
    if length is not None:
        headers["Content-Length"] = length
    lines = [f"HTTP/1.1 {answer.get('status', 200)} Test", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Server:
    def __init__(self, name, does):
        self.name, self.does = name, list(does)

    async def start(self):
        listening = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return listening.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            await self.take(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def take(self, reader, writer):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        answer = self.does.pop(0) if self.does else TAKEN
        tell(server=self.name, event="request", method=method, path=path, headers=headers, body=body.decode(), at=time.time())
        said = answer.get("body", "").encode()
        match answer.get("how"):
            case None:
                writer.write(head(answer, len(said)) + said)
            case "drips":
                for byte in head(answer, len(said)) + said:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)
            case "resets":
                writer.write(head(answer, 1000)[:20])
                await writer.drain()
                # Nothing lingers: closing sends a reset.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            case "endless":
                writer.write(head(answer, None))
                while True:
                    writer.write(b"more and more " * 1000)
                    await writer.drain()
            case "bomb":
                member = gzip.compress(bytes(64 << 20), 1)
                packed = {**answer, "headers": {**answer.get("headers", {}), "Content-Encoding": "gzip"}}
                writer.write(head(packed, 160 * len(member)))
                for _ in range(160):
                    writer.write(member)
                    await writer.drain()
        await writer.drain()


async def main():
    servers = [Server(**rules) for rules in json.loads(sys.argv[1])]
    tell(ports={server.name: await server.start() for server in servers})
    await asyncio.Event().wait()


asyncio.run(main())
