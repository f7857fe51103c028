"""The checks of jobs.toml by DuckDB's Python API, on all cores, in one pass where SQL allows it."""

import resource
import sys
import time

import duckdb

began = time.perf_counter()
connection = duckdb.connect()
answer = connection.execute(
    """
    SELECT count(*), count(lot), count(DISTINCT lot),
           count(*) FILTER (NOT regexp_full_match(lot, 'L[0-9]{9}')),
           count(*) FILTER (sku NOT BETWEEN 1000 AND 5999),
           count(*) FILTER (site NOT IN ('alesund', 'tromso', 'bergen', 'bodo')),
           count(*) FILTER (unit NOT IN ('kg', 'pcs')),
           count(*) FILTER (qty_kg NOT BETWEEN 0 AND 40000), median(qty_kg), sum(qty_kg),
           count(*) FILTER (price NOT BETWEEN 0 AND 1000), median(price), sum(price),
           count(counted), count(note)
    FROM read_csv(?, header = true, columns = {
        'lot': 'VARCHAR', 'sku': 'BIGINT', 'site': 'VARCHAR', 'unit': 'VARCHAR',
        'qty_kg': 'DOUBLE', 'price': 'DOUBLE', 'counted': 'DATE', 'note': 'VARCHAR'})
    """,
    [sys.argv[1]],
).fetchone()
seconds = time.perf_counter() - began
print(answer[0], seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
