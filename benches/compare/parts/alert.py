"""Deadline to alert: from the instant at which a promise breaks until the message about it has crossed the wire.

freshd alone, since its peers promise nothing about data. Nothing is waited for on purpose (group_wait is 0).
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from account import Background
from daemon import Daemon, Failed
from jobs import Job
from parts.settings import Settings
from peers import FRESHD
from peers.freshd import Freshd
from peers.peer import Peer, write
from results import Row, percentile
from sinks import Sink, Smtp, Webhook

# The first deadline comes so long after the configuration was written, each further one a second after that before.
FIRST_DEADLINE_S = 5
# How old the last delivery is: nobody writes to it any more.
OLD_S = 3_600
# What has not arrived so long after the last deadline is missing.
WAIT_MAX_S = 15
LOOK_S = 0.02

ROOT = """timezone = "UTC"
run_as_root = true

[alerts]
group_wait = "0s"

[fallback]
notify = ["hook"]

[channels.hook]
type = "webhook"
url = "http://127.0.0.1:{webhook}/"

[channels.mail]
type = "email"
server = "smtp://127.0.0.1:{smtp}"
from = "freshd@example.com"

[teams.readers]
notify = ["hook", "mail:readers@example.com"]
"""

DATASET = """
[datasets.promise-{number}]
owner = "readers"
probe = {{ file = "delivery-{number}", every = "1h" }}
due = {{ at = "{second} {minute} {hour} {day} {month} *", seconds = true, early = "1s" }}
"""


class Promises(Freshd):
    """freshd with datasets whose last delivery came too early to count for the next, each with a deadline of its own.

    Without any delivery freshd would say before the deadline that nobody can tell how fresh they are.
    """

    def __init__(self, webhook: Sink, smtp: Sink, count: int) -> None:
        self.webhook = webhook
        self.smtp = smtp
        self.count = count
        self.first_deadline_s = 0

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        text = ROOT.format(webhook=self.webhook.port, smtp=self.smtp.port)
        self.first_deadline_s = int(time.time()) + FIRST_DEADLINE_S
        for number in range(self.count):
            delivery = directory / f"delivery-{number}"
            write(delivery, "delivered\n")
            os.utime(delivery, (self.first_deadline_s - OLD_S, self.first_deadline_s - OLD_S))
            at = time.gmtime(self.first_deadline_s + number)
            text += DATASET.format(
                number=number,
                second=at.tm_sec,
                minute=at.tm_min,
                hour=at.tm_hour,
                day=at.tm_mday,
                month=at.tm_mon,
            )
        write(directory / "jobs.toml", text, 0o600)
        return self.serve(directory)


def alert(_: list[Peer], count: int, __: Settings) -> Iterator[Row]:
    """Breaks `count` promises, one a second."""
    with Sink(Webhook) as webhook, Sink(Smtp) as smtp:
        peer = Promises(webhook, smtp, count)
        try:
            with Daemon(peer, [], "alert") as daemon:
                background = Background(daemon.account)
                until_s = peer.first_deadline_s + count + WAIT_MAX_S
                while min(len(webhook.arrivals), len(smtp.arrivals)) < count and time.time() < until_s:
                    time.sleep(LOOK_S)
                figures = {"background_percent": background.percent()}
                for name, sink in (("webhook", webhook), ("smtp", smtp)):
                    late_ms = [
                        (arrival.at_s - peer.first_deadline_s - int(arrival.subject.split("-")[1])) * 1e3
                        for arrival in sink.arrivals
                        if arrival.subject
                    ]
                    if not late_ms:
                        raise Failed(f"nothing came by {name}: {daemon.log_end()}")
                    figures[f"{name}_p50_ms"] = percentile(late_ms, 50)
                    figures[f"{name}_max_ms"] = max(late_ms)
                    figures[f"{name}_missing"] = float(count - len(late_ms))
            yield Row("alert", count, FRESHD.name, figures)
        except (Failed, OSError) as failure:
            yield Row("alert", count, FRESHD.name, failure=str(failure))
