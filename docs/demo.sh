#!/bin/sh
# The main job, from crystals to features. Run it with `make demo`.
set -e
bin=$(cd "${BIN:-.venv/bin}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n$ %s\n' "$*"; }
run() { say "embeddings $*"; "$bin/embeddings" "$@"; }

say "embeddings build --source starter --recipe starter --name my-starter"
"$bin/embeddings" build --source starter --recipe starter --name my-starter >built
cat built
# What was built goes by its number from here on: the bare name means the highest version that there is.
catalog=$(sed -n 's/^\(my-starter\) \([^ :]*\): .*/\1@\2/p' built)

run show "$catalog"
for element in Fe O Na; do
    run neighbors "$catalog" "$element" -k 5
done

say "printf 'formula\\nFe2O3\\nLiFePO4\\nBa0.5Sr0.5TiO3\\n' >formulas.csv"
printf 'formula\nFe2O3\nLiFePO4\nBa0.5Sr0.5TiO3\n' >formulas.csv
run featurize formulas.csv --formula formula --catalog "$catalog" -o features.csv
say "cut -d, -f1-5 features.csv"
cut -d, -f1-5 features.csv

printf '\n%s stays on this machine. To go on, activate the environment:\n\n' "$catalog"
printf '    source %s/activate\n    embeddings list\n' "$bin"
