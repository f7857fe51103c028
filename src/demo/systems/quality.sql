-- Quality: every batch is looked at and graded.

-- Comes from production.
CREATE TABLE batches (
    batch TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    line TEXT NOT NULL,
    output_kg REAL NOT NULL,
    finished_at TEXT NOT NULL
) STRICT;

CREATE TABLE grades (
    batch TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    grade TEXT NOT NULL CHECK (grade IN ('superior', 'ordinary', 'production')),
    core_celsius REAL NOT NULL,
    inspector TEXT NOT NULL,
    graded_at TEXT NOT NULL
) STRICT;
