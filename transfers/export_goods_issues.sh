#!/bin/sh
# What left the warehouse for which order, back to the ERP, which bills it.
set -eu
. "${0%/*}/company.sh"

query wms "
    SELECT issue_no, order_no, line, sku, lot, qty_kg, issued_at
    FROM goods_issues
    ORDER BY issue_no" > "$FRESHD_OUTPUT"
