#!/bin/sh
# Packed orders, from the warehouse to the transport portal, which finds a lorry.
set -eu
. "${0%/*}/company.sh"

query wms "
    SELECT consignment_no, order_no, customer, city, qty_kg, packed_at
    FROM consignments
    ORDER BY consignment_no" > "$FRESHD_OUTPUT"
