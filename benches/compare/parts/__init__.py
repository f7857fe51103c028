"""The parts of the comparison. Each measures all peers in turn, once: the rounds are made around them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from parts.alert import alert
from parts.flood import flood
from parts.idle import idle
from parts.late import late
from parts.limits import limits
from parts.settings import Settings
from parts.start import start
from peers.peer import Peer
from results import Row

MIB = 2**20


@dataclass(frozen=True)
class Part:
    """A part, with the cases that are measured in full, and those for trying it out."""

    measure: Callable[[list[Peer], int, Settings], Iterator[Row]]
    cases: list[int]
    quick_cases: list[int]


PARTS = {
    "limits": Part(limits, cases=[4_000], quick_cases=[400]),
    "late": Part(late, cases=[1, 100, 1_000], quick_cases=[100]),
    "start": Part(start, cases=[10_000], quick_cases=[100]),
    "idle": Part(idle, cases=[0, 1_000, 10_000], quick_cases=[0, 100]),
    "flood": Part(flood, cases=[1024 * MIB], quick_cases=[64 * MIB]),
    "alert": Part(alert, cases=[10], quick_cases=[3]),
}
