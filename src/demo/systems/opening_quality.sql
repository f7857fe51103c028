-- What quality had been given to look at when the company was founded.
INSERT OR IGNORE INTO main.batches (batch, sku, line, output_kg, finished_at)
SELECT batch, sku, line, output_kg, finished_at FROM production.batches;
