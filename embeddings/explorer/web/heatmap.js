// The similarities of one catalog, every element with every other, as a picture that answers to the pointer.

const PERIOD_STARTS = [1, 3, 11, 19, 37, 55, 87];

// Rows in the order to show, and where its parts begin: periods, or clusters.
function arrangement(app, catalog) {
  const rows = catalog.atomic_numbers.map((_, row) => row);
  const labels = clustering(catalog, app.state.k)?.labels;
  if (app.state.order === "cluster" && labels) {
    rows.sort((a, b) => labels[a] - labels[b] || a - b);
    const starts = rows.map((row, i) => [i, row]).filter(([i, row]) => i === 0 || labels[row] !== labels[rows[i - 1]]);
    return { rows, parts: starts.map(([i, row]) => [i, String(labels[row])]) };
  }
  const starts = PERIOD_STARTS.map((z) => catalog.atomic_numbers.findIndex((other) => other >= z));
  const used = [...new Set(starts.filter((i) => i >= 0))];
  return { rows, parts: used.map((i) => [i, app.elementOf(catalog.atomic_numbers[i]).symbol]) };
}

function drawHeatmap(canvas, catalog, { rows, parts }, chosen) {
  const side = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.width = canvas.height = side;
  const [context, edge] = [canvas.getContext("2d"), (i) => Math.round((i * side) / rows.length)];
  rows.forEach((a, i) =>
    rows.forEach((b, j) => {
      context.fillStyle = colorAt("diverging", (catalog.similarity[a][b] / content.reach + 1) / 2);
      context.fillRect(edge(j), edge(i), edge(j + 1) - edge(j), edge(i + 1) - edge(i));
    }),
  );
  const style = getComputedStyle(canvas);
  context.fillStyle = style.getPropertyValue("--part");
  for (const [i] of parts.slice(1)) {
    context.fillRect(edge(i), 0, 1, side);
    context.fillRect(0, edge(i), side, 1);
  }
  const at = rows.indexOf(chosen);
  if (at < 0) return;
  context.strokeStyle = style.color;
  context.lineWidth = 1.5 * devicePixelRatio;
  context.strokeRect(0, edge(at), side, edge(at + 1) - edge(at));
  context.strokeRect(edge(at), 0, edge(at + 1) - edge(at), side);
}

// The names of the parts, save those too near to the one before.
function axisLabels({ rows, parts }) {
  const place = ([i]) => i / rows.length;
  const apart = parts.filter((part, at) => at === 0 || place(part) - place(parts[at - 1]) > 0.03);
  return apart.map((part) => styled(make("span", { "aria-hidden": "true" }, part[1]), { "--at": place(part) }));
}

function heatmapPane(app, catalog) {
  const canvas = make("canvas", {
    role: "img",
    "aria-label": `Cosine similarity of all pairs of elements in ${catalog.title}`,
  });
  const [top, side] = [make("div.axis.top"), make("div.axis.side")];
  const readout = make("p.readout");
  const node = make(
    "div",
    heading(app, catalog),
    make("div.frame", top, side, canvas),
    make("div.under", readout, similarityScale(), saveButton(() => saveHeatmap(app, catalog, canvas))),
  );
  const pairAt = (event) => {
    const [box, { rows }] = [canvas.getBoundingClientRect(), arrangement(app, catalog)];
    const along = (value) => rows[Math.min(Math.max(Math.floor(value * rows.length), 0), rows.length - 1)];
    return [along((event.clientY - box.top) / box.height), along((event.clientX - box.left) / box.width)];
  };
  const tell = (a, b) => (readout.textContent = pairText(app, catalog, a, b));
  const rest = () => {
    const nearest = neighborsOf(catalog, app.state.selected)[0];
    if (nearest) tell(catalog.rowOf.get(app.state.selected), catalog.rowOf.get(nearest[0]));
    else readout.textContent = "";
  };
  canvas.addEventListener("pointermove", (event) => tell(...pairAt(event)));
  canvas.addEventListener("pointerleave", rest);
  canvas.addEventListener("click", (event) => app.update({ selected: catalog.atomic_numbers[pairAt(event)[0]] }));
  const update = (state) => {
    const plan = arrangement(app, catalog);
    for (const axis of [top, side]) axis.replaceChildren(...axisLabels(plan));
    if (canvas.clientWidth) drawHeatmap(canvas, catalog, plan, catalog.rowOf.get(state.selected));
    rest();
  };
  new ResizeObserver(() => update(app.state)).observe(node);
  return { node, update };
}

function pairText(app, catalog, a, b) {
  const [one, other] = [a, b].map((row) => app.elementOf(catalog.atomic_numbers[row]));
  return a === b
    ? `${one.name} with itself`
    : `${one.symbol} \u2013 ${other.symbol}  ${signed(catalog.similarity[a][b])}`;
}

function similarityScale() {
  const bar = make("span.ramp", { "data-scale": "diverging" });
  const end = number(content.reach, 2);
  return make("div.scale", make("span", `\u2212${end}`), bar, make("span", `+${end}`));
}
