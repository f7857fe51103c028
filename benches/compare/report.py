"""The tables: medians over the rounds, the ratio to the floor, and where a peer beats freshd."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from parts.limits import RECORDING
from peers import FLOOR, FRESHD
from peers.peer import Peer
from results import Row

LESS = "less"
MORE = "more"
# Stands behind a figure that is better than freshd's.
BETTER = " **<**"


@dataclass(frozen=True)
class Column:
    """A figure of a table, and which of two is better; nothing where neither is."""

    figure: str
    title: str
    decimals: int
    better: str = ""


LATE = [
    Column("p50_ms", "late p50 ms", 1, LESS),
    Column("of_floor", "of the floor", 1),
    Column("p99_ms", "p99 ms", 1, LESS),
    Column("max_ms", "max ms", 1, LESS),
    Column("starts_per_s", "starts/s", 0, MORE),
    Column("recorded_per_s", "recorded/s", 0, MORE),
    Column("of_limit", "of the limit %", 0),
    Column("cpu_ms_per_run", "CPU ms/run", 2, LESS),
    Column("lost", "lost", 0, LESS),
    Column("twice", "twice", 0, LESS),
    Column("background_percent", "background %", 0),
]
LIMITS = [
    Column("runs_per_s", "runs/s", 0),
    Column("cpu_ms_per_run", "CPU ms/run", 2),
    Column("machine_percent", "machine %", 0),
]
START = [
    Column("ready_s", "ready s", 2, LESS),
    Column("cpu_ms", "CPU ms", 0, LESS),
    Column("resident_mib", "resident MiB", 1, LESS),
    Column("proportional_mib", "shared once MiB", 1, LESS),
    Column("background_percent", "background %", 0),
]
IDLE = [
    Column("cpu_percent", "CPU %", 3, LESS),
    Column("resident_mib", "resident MiB", 1, LESS),
    Column("proportional_mib", "shared once MiB", 1, LESS),
    Column("processes", "processes", 0),
]
FLOOD = [
    Column("before_mib", "before MiB", 1, LESS),
    Column("peak_mib", "peak MiB", 1, LESS),
    Column("more_mib", "more MiB", 1, LESS),
    Column("job_s", "job s", 2, LESS),
    Column("cpu_s", "CPU s", 2, LESS),
    Column("kept_mib", "kept MiB", 1),
    Column("printed_percent", "printed %", 0, MORE),
    Column("background_percent", "background %", 0),
]
ALERT = [
    Column("webhook_p50_ms", "webhook p50 ms", 1),
    Column("webhook_max_ms", "max ms", 1),
    Column("webhook_missing", "missing", 0),
    Column("smtp_p50_ms", "SMTP p50 ms", 1),
    Column("smtp_max_ms", "max ms", 1),
    Column("smtp_missing", "missing", 0),
    Column("background_percent", "background %", 0),
]

TABLES: dict[str, tuple[list[Column], Callable[[int], str]]] = {
    "limits": (LIMITS, lambda runs: f"the machine's own limits, {runs:,} runs"),
    "late": (LATE, lambda due: f"start lateness, {due:,} due in the same second"),
    "start": (START, lambda count: f"start-up with {count:,} jobs"),
    "idle": (IDLE, lambda count: f"idle with {count:,} jobs, all peers in the same seconds"),
    "flood": (FLOOD, lambda size: f"while a job prints {size // 2**20:,} MiB"),
    "alert": (ALERT, lambda count: f"deadline to alert, {count:,} promises"),
}


@dataclass(frozen=True)
class Line:
    """One peer in one table: the median of each figure, and how many rounds it has."""

    peer: str
    figures: dict[str, float]
    rounds: int


def report(rows: list[Row], peers: list[Peer], missing: dict[str, str]) -> str:
    """Everything that is printed in the end."""
    pieces = [peers_table(peers, missing)]
    beaten = []
    for part, (columns, title) in TABLES.items():
        for case in dict.fromkeys(row.case for row in rows if row.part == part):
            here = [row for row in rows if row.part == part and row.case == case]
            lines = medians(here, peers)
            if part == "late":
                lines = with_ratios(lines, here, rows)
            pieces.append(f"## {title(case)}\n\n{table(lines, columns)}")
            beaten += [f"- {title(case)}, {said}" for said in better_than_freshd(lines, columns)]
    failures = dict.fromkeys(f"- {row.part} {row.case:,}, {row.peer}: {row.failure}" for row in rows if row.failure)
    if failures:
        pieces.append("## not measured\n\n" + "\n".join(failures))
    pieces.append("## where a peer beats freshd\n\n" + ("\n".join(beaten) if beaten else "Nowhere."))
    return "\n\n".join(pieces) + "\n"


def peers_table(peers: list[Peer], missing: dict[str, str]) -> str:
    """Who is compared."""
    lines = ["| peer | version | from | remembers of a run, after a restart |", "|---|---|---|---|"]
    for peer in peers:
        if peer.is_limit:
            continue
        version = f"not measured: {missing[peer.name]}" if peer.name in missing else peer.version()
        lines.append(f"| {peer.name} | {version} | {peer.source} | {peer.history or 'nothing'} |")
    return "## peers\n\n" + "\n".join(lines)


def medians(rows: list[Row], peers: list[Peer]) -> list[Line]:
    """One line for each peer, in their order; then what is none, as it came."""
    names = dict.fromkeys([*(peer.name for peer in peers), *(row.peer for row in rows)])
    lines = []
    for name in names:
        figures = [row.figures for row in rows if row.peer == name and row.figures]
        if not figures:
            continue
        # What a round could not tell, as how fast runs were recorded of which some were lost, has no median.
        keys = [key for key in figures[0] if all(key in each for each in figures)]
        lines.append(Line(name, {key: median([each[key] for each in figures]) for key in keys}, len(figures)))
    return lines


def with_ratios(lines: list[Line], storms: list[Row], rows: list[Row]) -> list[Line]:
    """Adds how each peer stands to the floor and to the limit: that of each round, then the median of them."""
    floors = {row.round: row.figures["p50_ms"] for row in storms if row.peer == FLOOR.name and row.figures}
    limits = {row.round: row.figures["runs_per_s"] / 100 for row in rows if row.peer == RECORDING and row.figures}
    told = []
    for line in lines:
        mine = [row for row in storms if row.peer == line.peer]
        figures = dict(line.figures)
        for ratio, figure, by in (("of_floor", "p50_ms", floors), ("of_limit", "recorded_per_s", limits)):
            ratios = [row.figures[figure] / by[row.round] for row in mine if figure in row.figures and row.round in by]
            if ratios and figure in figures:
                figures[ratio] = median(ratios)
        told.append(Line(line.peer, figures, line.rounds))
    return told


def is_better(line: Line, freshd: Line | None, column: Column) -> bool:
    """Whether a peer beats freshd in a figure, as far as it is printed.

    One that lost runs, or did not let its job say everything, did less: its figures are shown, and beat nothing.
    """
    if freshd is None or line.peer in (FLOOR.name, FRESHD.name) or not column.better:
        return False
    if line.figures.get("lost", 0) > 0 or line.figures.get("printed_percent", 100) < 100:
        return False
    if column.figure not in line.figures or column.figure not in freshd.figures:
        return False
    theirs = round(line.figures[column.figure], column.decimals)
    ours = round(freshd.figures[column.figure], column.decimals)
    return theirs < ours if column.better == LESS else theirs > ours


def table(lines: list[Line], columns: list[Column]) -> str:
    """A table in Markdown."""
    freshd = next((line for line in lines if line.peer == FRESHD.name), None)
    said = [
        "| | " + " | ".join(column.title for column in columns) + " | rounds |",
        "|---|" + "---:|" * (len(columns) + 1),
    ]
    for line in lines:
        cells = []
        for column in columns:
            value = line.figures.get(column.figure)
            mark = BETTER if is_better(line, freshd, column) else ""
            cells.append("-" if value is None else f"{value:,.{column.decimals}f}{mark}")
        name = f"**{line.peer}**" if line.peer == FRESHD.name else line.peer
        said.append(f"| {name} | " + " | ".join(cells) + f" | {line.rounds} |")
    return "\n".join(said)


def better_than_freshd(lines: list[Line], columns: list[Column]) -> list[str]:
    """A sentence for each column in which a peer beats freshd."""
    freshd = next((line for line in lines if line.peer == FRESHD.name), None)
    said = []
    for column in columns:
        winners = [line for line in lines if is_better(line, freshd, column)]
        if freshd is None or not winners:
            continue
        names = ", ".join(f"{line.peer} {line.figures[column.figure]:,.{column.decimals}f}" for line in winners)
        said.append(f"{column.title}: {names} (freshd {freshd.figures[column.figure]:,.{column.decimals}f})")
    return said
