#!/usr/bin/env bash
# Runs a fuzz target for COAX_FUZZ_SECONDS seconds, 60 where that is not set.
#
#     tests/fuzz/run.sh PROGRAM CORPUS DIRECTORY [OPTION-OF-LIBFUZZER...]
#
# It begins with the files of CORPUS, which it leaves alone. New ones that are worth keeping, and what makes the target fail, go to DIRECTORY.
set -euo pipefail

program=$1
corpus=$2
directory=$3
shift 3

mkdir -p "$directory/found"
# Its own exit status, 77, is a skipped test to Meson.
exec "$program" -error_exitcode=1 -max_total_time="${COAX_FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$directory/" "$@" "$directory/found" "$corpus"
