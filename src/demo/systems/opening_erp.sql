-- What the ERP had been told of goods sent when the company was founded.
INSERT OR IGNORE INTO main.goods_issues (issue_no, order_no, line, sku, lot, qty_kg, issued_at)
SELECT issue_no, order_no, line, sku, lot, qty_kg, issued_at FROM wms.goods_issues;
