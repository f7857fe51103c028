-- The ERP: what is sold, to whom, what is to be produced for it, what was sent and billed.

CREATE TABLE items (
    sku TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    species TEXT NOT NULL,
    kg_per_box REAL NOT NULL,
    price_nok_kg REAL NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE customers (
    customer TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    city TEXT NOT NULL
) STRICT;

-- status: open, shipped (every line was issued), invoiced, cancelled.
CREATE TABLE orders (
    order_no TEXT PRIMARY KEY,
    customer TEXT NOT NULL REFERENCES customers,
    ordered_at TEXT NOT NULL,
    ship_by TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open'
) STRICT;

CREATE TABLE order_lines (
    order_no TEXT NOT NULL REFERENCES orders ON DELETE CASCADE,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL REFERENCES items,
    qty_kg REAL NOT NULL CHECK (qty_kg > 0),
    PRIMARY KEY (order_no, line)
) STRICT;

-- What production is asked to make, and by when.
CREATE TABLE production_plan (
    production_no TEXT PRIMARY KEY,
    sku TEXT NOT NULL REFERENCES items,
    qty_kg REAL NOT NULL CHECK (qty_kg > 0),
    planned_at TEXT NOT NULL,
    wanted_by TEXT NOT NULL
) STRICT;

-- Comes from the warehouse.
CREATE TABLE goods_issues (
    issue_no TEXT PRIMARY KEY,
    order_no TEXT NOT NULL,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    lot TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    issued_at TEXT NOT NULL
) STRICT;

CREATE TABLE invoices (
    invoice_no TEXT PRIMARY KEY,
    order_no TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL,
    amount_nok REAL NOT NULL,
    invoiced_at TEXT NOT NULL,
    pay_by TEXT NOT NULL
) STRICT;
