-- The data platform: what analysts and the forecast read. It makes nothing, everything here is brought.

-- From production.
CREATE TABLE yields (
    batch TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    line TEXT NOT NULL,
    raw_kg REAL NOT NULL,
    output_kg REAL NOT NULL,
    yield_percent REAL NOT NULL,
    finished_at TEXT NOT NULL
) STRICT;

-- From the warehouse.
CREATE TABLE stock_moves (
    move_no TEXT PRIMARY KEY,
    lot TEXT NOT NULL,
    sku TEXT NOT NULL,
    from_location TEXT NOT NULL,
    to_location TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    celsius REAL NOT NULL,
    order_no TEXT,
    moved_at TEXT NOT NULL
) STRICT;

-- From quality.
CREATE TABLE grades (
    batch TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    grade TEXT NOT NULL,
    core_celsius REAL NOT NULL,
    inspector TEXT NOT NULL,
    graded_at TEXT NOT NULL
) STRICT;
