-- Finance: what customers owe, and what they have paid.

-- Comes from the ERP.
CREATE TABLE invoices (
    invoice_no TEXT PRIMARY KEY,
    order_no TEXT NOT NULL,
    customer TEXT NOT NULL,
    amount_nok REAL NOT NULL,
    invoiced_at TEXT NOT NULL,
    pay_by TEXT NOT NULL
) STRICT;

CREATE TABLE payments (
    invoice_no TEXT PRIMARY KEY,
    amount_nok REAL NOT NULL,
    paid_at TEXT NOT NULL
) STRICT;
