#!/bin/sh
# The main job, from crystals to features. Run it with `make demo`.
set -e
embeddings="${BIN:-.venv/bin}/embeddings"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n$ %s\n' "$*"; }
run() { say "embeddings $*"; "$embeddings" "$@"; }

say "embeddings build --source starter --recipe starter"
"$embeddings" build --source starter --recipe starter >"$work/built"
cat "$work/built"
# What was built goes by its number from here on: the bare name means the highest version that there is.
catalog=$(sed -n 's/^\(starter\) \([^ :]*\): .*/\1@\2/p' "$work/built")

run show "$catalog"
for element in Fe O Na; do
    run neighbors "$catalog" "$element" -k 5
done

printf 'formula\nFe2O3\nLiFePO4\nBa0.5Sr0.5TiO3\n' >"$work/formulas.csv"
say "embeddings featurize formulas.csv --catalog $catalog -o features.csv   # three formulas"
"$embeddings" featurize "$work/formulas.csv" --formula formula --catalog "$catalog" -o "$work/features.csv"
cut -d, -f1-5 "$work/features.csv"
