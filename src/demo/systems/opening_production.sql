-- What production had been asked for when the company was founded.
INSERT OR IGNORE INTO main.plan (production_no, sku, qty_kg, planned_at, wanted_by)
SELECT production_no, sku, qty_kg, planned_at, wanted_by FROM erp.production_plan;
