#!/bin/sh
# What is to be produced, and by when, from the ERP to production.
# No column will do as as_of: wanted_by lies in the future. So the script says how new the plan is, and asks
# before it exports: should a line be added in between, the answer errs on the old side.
set -eu
. "${0%/*}/company.sh"

as_of=$(value erp "SELECT max(planned_at) FROM production_plan")
query erp "
    SELECT production_no, sku, qty_kg, planned_at, wanted_by
    FROM production_plan
    ORDER BY production_no" > "$FRESHD_OUTPUT"
report "as_of=$as_of"
