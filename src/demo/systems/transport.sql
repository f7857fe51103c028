-- The transport portal: what waits at the dock, and which lorry takes it.

-- Comes from the warehouse; the carrier and the two times below are the portal's own.
CREATE TABLE consignments (
    consignment_no TEXT PRIMARY KEY,
    order_no TEXT NOT NULL,
    customer TEXT NOT NULL,
    city TEXT NOT NULL,
    qty_kg REAL NOT NULL,
    packed_at TEXT NOT NULL,
    carrier TEXT,
    booked_at TEXT,
    departs_at TEXT
) STRICT;
