"""The peers, in the order of the tables."""

from peers.crates import Flashcron, Koku
from peers.crons import Bcron, Busybox, Cron
from peers.floor import Floor
from peers.freshd import Freshd
from peers.npm import Croner, NodeCron
from peers.peer import Peer
from peers.pypi import Apscheduler, Cronstable
from peers.systemd import Systemd

FLOOR = Floor()
FRESHD = Freshd()
OTHERS: list[Peer] = [
    Cron(),
    Bcron(),
    Busybox(),
    Systemd(),
    Flashcron(),
    Koku(),
    Cronstable(),
    Apscheduler(),
    Croner(),
    NodeCron(),
]
