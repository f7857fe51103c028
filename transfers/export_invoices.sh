#!/bin/sh
# Invoices, from the ERP to finance. The sum goes into the run's message, for whoever reconciles.
set -eu
. "${0%/*}/company.sh"

query erp "
    SELECT invoice_no, order_no, customer, amount_nok, invoiced_at, pay_by
    FROM invoices
    ORDER BY invoice_no" > "$FRESHD_OUTPUT"
sum=$(value erp "SELECT printf('%.2f', sum(amount_nok)) FROM invoices")
report "message=NOK $sum invoiced"
