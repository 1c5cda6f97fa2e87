#!/usr/bin/env bash
# Every figure of the store and of the program, as one table, beside plain SQLite in the same run.
#
#   bash tests/bench/run.sh                           100 nodes, a day, and a week of 121 million samples: a quarter of an hour
#   NODEBOOK_BENCH_NODES=5 bash tests/bench/run.sh    a look
#
# M/s are million samples a second; "of CPU" by user and system time, which a busy machine disturbs least.
set -eu
cd "$(dirname "$0")/../.."
cargo build --release --locked --quiet
benches=(store questions program ingest)
cargo bench --locked --quiet --no-run "${benches[@]/#/--bench=}"
printf '%s, %s cores, %s, %s nodes\n\n' "$(uname -sm)" "$(nproc)" "$(date -u +%F)" "${NODEBOOK_BENCH_NODES:-100}"
printf '| what | goal | nodebook | plain SQLite |\n|---|---|---|---|\n'
for bench in "${benches[@]}"; do
  cargo bench --locked --quiet --bench "$bench"
done
