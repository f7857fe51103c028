-- Production: raw fish in, batches through the lines, packed lots out.

-- Comes from the ERP; `status` (planned, done) is production's own.
CREATE TABLE plan (
    production_no TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    planned_at TEXT NOT NULL,
    wanted_by TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'planned'
) STRICT;

CREATE TABLE batches (
    batch TEXT PRIMARY KEY,
    production_no TEXT NOT NULL,
    sku TEXT NOT NULL,
    line TEXT NOT NULL,
    raw_kg REAL NOT NULL,
    output_kg REAL NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL
) STRICT;

CREATE TABLE lots (
    lot TEXT PRIMARY KEY,
    batch TEXT NOT NULL REFERENCES batches ON DELETE CASCADE,
    sku TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    packed_at TEXT NOT NULL,
    best_before TEXT NOT NULL
) STRICT;
