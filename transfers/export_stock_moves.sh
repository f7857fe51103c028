#!/bin/sh
# Every move of a lot, with its temperature, from the warehouse to the data platform.
set -eu
. "${0%/*}/company.sh"

query wms "
    SELECT move_no, lot, sku, from_location, to_location, qty_kg, celsius, order_no, moved_at
    FROM moves
    ORDER BY move_no" > "$FRESHD_OUTPUT"
