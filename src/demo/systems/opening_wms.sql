-- What the warehouse had been sent when the company was founded.
INSERT OR IGNORE INTO main.items (sku, name, species, kg_per_box, updated_at)
SELECT sku, name, species, kg_per_box, updated_at FROM erp.items;

INSERT OR IGNORE INTO main.order_lines (order_no, line, customer, city, sku, qty_kg, ordered_at, ship_by)
SELECT order_no, line, customer, city, sku, qty_kg, ordered_at, ship_by
FROM erp.orders JOIN erp.order_lines USING (order_no) JOIN erp.customers USING (customer)
WHERE status = 'open';

INSERT OR IGNORE INTO main.expected_lots (lot, sku, qty_kg, packed_at, best_before)
SELECT lot, sku, qty_kg, packed_at, best_before FROM production.lots;
