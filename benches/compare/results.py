"""What was measured: one row for each peer, part, case and round, kept as JSON Lines while it goes on."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TextIO

Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    """What one peer showed once."""

    part: str
    # Jobs, or bytes: see the part.
    case: int
    peer: str
    figures: Figures = field(default_factory=dict)
    # Why there are no figures.
    failure: str = ""
    round: int = 0


def percentile(values: Iterable[float], percent: int) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


class Results:
    """All rows so far; each is on the disk, and told, as soon as it is there."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Keeps a row."""
        self.rows.append(row)
        self.file.write(json.dumps(asdict(row)) + "\n")
        self.file.flush()
        said = row.failure or "  ".join(f"{name} {value:.3g}" for name, value in row.figures.items())
        print(f"round {row.round}  {row.part} {row.case}  {row.peer}: {said}", file=sys.stderr)
