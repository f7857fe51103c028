#!/bin/sh
# Packed lots, from production to the warehouse, which takes them in.
set -eu
. "${0%/*}/company.sh"

query production "
    SELECT lot, sku, qty_kg, packed_at, best_before
    FROM lots
    ORDER BY lot" > "$FRESHD_OUTPUT"
