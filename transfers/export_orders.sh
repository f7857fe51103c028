#!/bin/sh
# Open order lines, from the ERP to the warehouse.
set -eu
. "${0%/*}/company.sh"

query erp "
    SELECT order_no, line, customer, city, sku, qty_kg, ordered_at, ship_by
    FROM orders JOIN order_lines USING (order_no) JOIN customers USING (customer)
    WHERE status = 'open'
    ORDER BY order_no, line" > "$FRESHD_OUTPUT"
