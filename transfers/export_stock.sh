#!/bin/sh
# Stock per lot, from the warehouse to everybody who plans with it. The item list comes first, so that
# every lot has its name; freshd then knows the stock to be no newer than that list.
set -eu
. "${0%/*}/company.sh"

load wms items "$FRESHD_INPUT_ITEMS"
query wms "
    SELECT lot, sku, name, location, qty_kg, celsius, best_before, counted_at
    FROM lots JOIN items USING (sku)
    ORDER BY lot" > "$FRESHD_OUTPUT"
