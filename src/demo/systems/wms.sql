-- The warehouse: lots on their shelves, every move of them, and what left for which order.

-- Comes from the ERP, as a file.
CREATE TABLE items (
    sku TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    species TEXT NOT NULL,
    kg_per_box REAL NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- Comes from the ERP; `status` (open, issued, cancelled) is the warehouse's own.
CREATE TABLE order_lines (
    order_no TEXT NOT NULL,
    line INTEGER NOT NULL,
    customer TEXT NOT NULL,
    city TEXT NOT NULL,
    sku TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    ordered_at TEXT NOT NULL,
    ship_by TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    PRIMARY KEY (order_no, line)
) STRICT;

-- Comes from production; `received_at` is the warehouse's own.
CREATE TABLE expected_lots (
    lot TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    packed_at TEXT NOT NULL,
    best_before TEXT NOT NULL,
    received_at TEXT
) STRICT;

CREATE TABLE lots (
    lot TEXT PRIMARY KEY,
    sku TEXT NOT NULL,
    location TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    celsius REAL NOT NULL,
    packed_at TEXT NOT NULL,
    best_before TEXT NOT NULL,
    counted_at TEXT NOT NULL
) STRICT;

-- `order_no` is empty unless the lot moved to the dock for an order.
CREATE TABLE moves (
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

CREATE TABLE goods_issues (
    issue_no TEXT PRIMARY KEY,
    order_no TEXT NOT NULL,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    lot TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    issued_at TEXT NOT NULL
) STRICT;

-- An order whose lines have all been issued, packed for the lorry.
CREATE TABLE consignments (
    consignment_no TEXT PRIMARY KEY,
    order_no TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL,
    city TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    packed_at TEXT NOT NULL
) STRICT;
