// Colors: what the elements can be colored by. The palettes are those of the library's figures, so that a color means
// the same here and there: similar is red, opposite is blue, and a cluster has the number and the color that it has there.

const isDark = () => document.documentElement.dataset.theme === "dark";
const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// The color at a place between 0 and 1 on a scale.
function colorAt(scale, place) {
  const stops = content.palette[isDark() ? "dark" : "light"][scale];
  const along = Math.min(Math.max(place, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(along), stops.length - 2);
  const [from, to] = [channels(stops[low]), channels(stops[low + 1])];
  const mixed = from.map((value, i) => Math.round(value + (to[i] - value) * (along - low)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

// A whole scale, from left to right.
function gradient(scale) {
  const stops = Array.from({ length: 13 }, (_, i) => colorAt(scale, i / 12));
  return { background: `linear-gradient(to right, ${stops.join(", ")})` };
}

// Dark or light text, whichever has more contrast on a color (WCAG's relative luminance).
function inkOn(color) {
  const linear = channels(color).map((value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.19 ? "#14181c" : "#ffffff";
}

const categoryColor = (label) => content.palette.classes[label];

// The clustering of a catalog into k, or the one that fits best; null where it is too small for any.
function clustering(catalog, k) {
  const { choices } = catalog.clusters;
  return choices ? (choices[k] ?? choices.best) : null;
}

function range(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
}

// A coloring says for each element of a catalog its value (null: none), and where the value is on its scale.
function scaleColoring(title, group, unit, valueOf, options = {}) {
  const { scale = "rising", domain, logarithmic = false, format = number } = options;
  const bend = logarithmic ? Math.log : (value) => value;
  const place = ([low, high], value) => (high > low ? (bend(value) - bend(low)) / (bend(high) - bend(low)) : 0.5);
  return {
    title,
    group,
    unit,
    format,
    scale,
    domain,
    logarithmic,
    valueOf,
    colorOf: (catalog, z) => {
      const value = valueOf(catalog, z);
      return value === null ? null : colorAt(scale, place(domain(), value));
    },
    textOf: (catalog, z) => format(valueOf(catalog, z)),
  };
}

function clusterColoring(state) {
  const labelOf = (catalog, z) => clustering(catalog, state.k)?.labels[catalog.rowOf.get(z)] ?? null;
  return {
    title: "Cluster",
    group: "Of the catalog",
    categorical: true,
    valueOf: labelOf,
    colorOf: (catalog, z) => (labelOf(catalog, z) === null ? null : categoryColor(labelOf(catalog, z))),
    textOf: (catalog, z) => String(labelOf(catalog, z)),
  };
}

function similarityColoring(state) {
  const value = (catalog, z) => {
    const [row, other] = [catalog.rowOf.get(z), catalog.rowOf.get(state.selected)];
    return other === undefined ? null : catalog.similarity[row][other];
  };
  const options = { scale: "diverging", domain: () => [-content.reach, content.reach], format: (v) => signed(v, 2) };
  return scaleColoring("Similarity to the chosen element", "Of the catalog", "cosine", value, options);
}

// Every coloring of this page, by its key.
function colorings(state) {
  const counts = (catalog, z) => catalog.n_structures[catalog.rowOf.get(z)] ?? null;
  const most = Math.max(1, ...content.catalogs.flatMap((catalog) => catalog.n_structures));
  const found = {
    cluster: clusterColoring(state),
    similarity: similarityColoring(state),
    n_structures: scaleColoring("Training structures", "Of the catalog", "", counts, {
      domain: () => [1, most],
      logarithmic: true,
    }),
  };
  if (content.comparison?.moved) {
    const { moved } = content.comparison;
    const options = { domain: () => range(Object.values(moved)), format: twoDecimals };
    found.moved = scaleColoring("Moved between the two", "Of the catalog", "", (_, z) => moved[z] ?? null, options);
  }
  for (const [key, { label, unit, values }] of Object.entries(content.properties)) {
    const domain = () => range(values);
    found[key] = scaleColoring(label, "Of the elements", unit, (_, z) => values[z - 1], { domain });
  }
  return found;
}
