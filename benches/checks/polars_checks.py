"""The checks of jobs.toml by Polars, lazily and streaming."""

import resource
import sys
import time

import polars as pl

began = time.perf_counter()
schema = {
    "lot": pl.String, "sku": pl.Int64, "site": pl.String, "unit": pl.String,
    "qty_kg": pl.Float64, "price": pl.Float64, "counted": pl.Date, "note": pl.String,
}
column = pl.col
answer = (
    pl.scan_csv(sys.argv[1], schema=schema, try_parse_dates=True)
    .select(
        rows=pl.len(),
        lots=column("lot").count(),
        different=column("lot").n_unique(),
        pattern=(~column("lot").str.contains("^L[0-9]{9}$")).sum(),
        sku=(~column("sku").is_between(1000, 5999)).sum(),
        site=(~column("site").is_in(["alesund", "tromso", "bergen", "bodo"])).sum(),
        unit=(~column("unit").is_in(["kg", "pcs"])).sum(),
        quantity=(~column("qty_kg").is_between(0, 40000)).sum(),
        quantity_median=column("qty_kg").median(),
        quantity_sum=column("qty_kg").sum(),
        price=(~column("price").is_between(0, 1000)).sum(),
        price_median=column("price").median(),
        price_sum=column("price").sum(),
        counted=column("counted").count(),
        note=column("note").count(),
    )
    .collect(engine="streaming")
)
seconds = time.perf_counter() - began
print(answer["rows"][0], seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
