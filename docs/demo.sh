#!/bin/sh
# The main job, from crystals to features. Run it with `make demo`.
set -e
embeddings="${BIN:-.venv/bin}/embeddings"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n$ %s\n' "$*"; }
run() { say "embeddings $*"; "$embeddings" "$@"; }

run build --source starter --recipe starter
run show starter
for element in Fe O Na; do
    run neighbors starter "$element" -k 5
done

printf 'formula\nFe2O3\nLiFePO4\nBa0.5Sr0.5TiO3\n' >"$work/formulas.csv"
say "embeddings featurize formulas.csv --catalog starter -o features.csv   # three formulas"
"$embeddings" featurize "$work/formulas.csv" --column formula --catalog starter -o "$work/features.csv"
cut -d, -f1-5 "$work/features.csv"
