// What can be taken away: pictures of table, map and similarities as they are seen, and the values behind them.

const CELL = 44;

function saveButton(onclick) {
  return make("button.save", { type: "button", onclick }, "Save picture");
}

function save(name, blob) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name.toLowerCase().replace(/[^a-z0-9.]+/g, "-") }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function saveSvg(name, picture) {
  picture.setAttribute("xmlns", SVG);
  save(`${name}.svg`, new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" }));
}

const pageStyle = (name) => getComputedStyle(document.body).getPropertyValue(name);

// The colors of the page that do not come from a palette.
const inks = () => ({ paper: pageStyle("background-color"), ink: pageStyle("color"), font: pageStyle("font-family") });

function picture(width, height, ...parts) {
  const { paper, font } = inks();
  const ground = draw("rect", { width: "100%", height: "100%", fill: paper });
  return draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": font }, ground, ...parts);
}

const label = (x, y, size, fill, text, anchor = "middle") =>
  draw("text", { x, y, "font-size": size, fill, "text-anchor": anchor }, text);

function saveTable(app, catalog) {
  const { ink } = inks();
  const [width, height] = [18 * CELL + 24, 9.4 * CELL + 44];
  const title = label(width / 2, 22, 15, ink, `${catalog.title}: ${legendTitle(app.coloring)}`);
  const cells = content.elements.map((element) => tile(app, catalog, element, ink));
  const key = draw("g", { transform: `translate(${3 * CELL}, ${CELL})` }, ...pictureKey(app, catalog, ink));
  saveSvg(`${catalog.title} ${app.coloring.title}`, picture(width, height, title, key, ...cells));
}

function tile(app, catalog, element, ink) {
  const [x, y] = [12 + (element.column - 1) * CELL, 32 + (element.row - 1 + (element.row > 7 ? -0.6 : 0)) * CELL];
  const color = catalog.rowOf.has(element.z) ? app.coloring.colorOf(catalog, element.z) : null;
  const [side, on] = [CELL - 3, color ? inkOn(color) : ink];
  const dashes = catalog.rowOf.has(element.z) ? "3 2" : "1 3";
  const look = color ? { fill: color } : { fill: "none", stroke: ink, "stroke-dasharray": dashes, opacity: 0.5 };
  return draw(
    "g",
    { transform: `translate(${x.toFixed(1)}, ${y.toFixed(1)})` },
    draw("rect", { width: side, height: side, rx: 3, ...look }),
    label(4, 9, 7, on, String(element.z), "start"),
    label(side / 2, 25, 15, on, element.symbol),
    label(side / 2, 37, 7, on, color ? app.coloring.textOf(catalog, element.z) : ""),
  );
}

// The legend in a picture: clusters with their sizes, or a scale with its ends.
function pictureKey(app, catalog, ink) {
  const clusters = clustering(catalog, app.state.k);
  if (app.coloring.categorical) return clusters ? clusterKey(clusters.labels, ink) : [];
  const steps = Array.from({ length: 60 }, (_, i) =>
    draw("rect", { x: i * 5, width: 5.5, height: 12, fill: colorAt(app.coloring.scale, i / 59) }),
  );
  const ends = app.coloring.domain().map((value, i) => label(i * 300, 26, 10, ink, app.coloring.format(value)));
  return [...steps, ...ends];
}

function clusterKey(labels, ink) {
  const found = [...new Set(labels)].sort((a, b) => a - b);
  return found.flatMap((name, i) => [
    draw("rect", { x: i * 34, width: 14, height: 14, rx: 2, fill: categoryColor(name) }),
    label(i * 34 + 18, 11, 10, ink, String(name), "start"),
  ]);
}

const INLINED = ["fill", "stroke", "stroke-width", "opacity", "font-size", "font-weight", "text-anchor"];

// The map as it is drawn, with what the style sheet gives it written into it.
function saveMap(app, catalog, shown) {
  const copy = shown.cloneNode(true);
  const nodes = [...shown.querySelectorAll("*")];
  [...copy.querySelectorAll("*")].forEach((node, i) => {
    const style = getComputedStyle(nodes[i]);
    for (const name of INLINED) node.setAttribute(name, style.getPropertyValue(name));
    node.removeAttribute("style");
  });
  for (const reach of copy.querySelectorAll(".reach")) reach.remove();
  const { width, height } = shown.getBoundingClientRect();
  saveSvg(`${catalog.title} map ${app.state.projection}`, picture(width, height, ...copy.childNodes));
}

// The similarities, with the names of periods or clusters, a title and the scale around them.
function saveHeatmap(app, catalog, shown) {
  const { paper, ink, font } = inks();
  const [unit, side] = [shown.width / 40, shown.width];
  const sheet = make("canvas");
  [sheet.width, sheet.height] = [side + 4 * unit, side + 6 * unit];
  const context = sheet.getContext("2d");
  const write = (text, x, y) => context.fillText(text, x, y);
  context.fillStyle = paper;
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.drawImage(shown, 3 * unit, 3 * unit);
  Array.from({ length: 50 }, (_, i) => {
    context.fillStyle = colorAt("diverging", i / 49);
    context.fillRect((15 + i / 3) * unit, side + 4 * unit, unit / 2, unit);
  });
  Object.assign(context, { fillStyle: ink, font: `${unit}px ${font}`, textBaseline: "middle" });
  write(`${catalog.title}: cosine similarity`, 3 * unit, unit);
  write(`\u2212${number(content.reach, 2)}`, 12 * unit, side + 4.5 * unit);
  write(`+${number(content.reach, 2)}`, 32.5 * unit, side + 4.5 * unit);
  const { rows, parts } = arrangement(app, catalog);
  for (const [i, name] of parts) {
    const at = (3.5 + (i / rows.length) * 40) * unit;
    write(name, at - unit / 2, 2.2 * unit);
    write(name, unit, at);
  }
  sheet.toBlob((blob) => save(`${catalog.title} similarity.png`, blob));
}

const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

function addTableExport(app) {
  find("#export").addEventListener("click", () => {
    const text = valueTable(app).map((row) => row.map((value) => quoted(String(value ?? ""))).join(","));
    save(`${content.title}.csv`, new Blob([text.join("\r\n"), "\r\n"], { type: "text/csv" }));
  });
}

// One row for each element that has a vector; numbers as they are, nothing where there is none.
function valueTable(app) {
  const covered = content.elements.filter(({ z }) => content.catalogs.some(({ rowOf }) => rowOf.has(z)));
  const columns = [
    ["atomic_number", ({ z }) => z],
    ["symbol", ({ symbol }) => symbol],
    ["name", ({ name }) => name],
    ...content.catalogs.flatMap((catalog) => catalogColumns(app, catalog)),
    ...Object.entries(content.properties).map(([key, { unit, values }]) => [
      unit ? `${key} (${unit})` : key,
      ({ z }) => values[z - 1],
    ]),
  ];
  return [columns.map(([name]) => name), ...covered.map((element) => columns.map(([, value]) => value(element)))];
}

function catalogColumns({ state, elementOf }, catalog) {
  const before = content.catalogs.length > 1 ? `${catalog.title} ` : "";
  const [chosen, clusters] = [catalog.rowOf.get(state.selected), clustering(catalog, state.k)];
  const maps = Object.entries(catalog.maps).filter(([, points]) => points);
  const columns = [
    ["n_structures", (row) => catalog.n_structures[row] ?? null],
    ["cluster", (row) => clusters?.labels[row]],
    ...maps.flatMap(([name, points]) => [0, 1].map((axis) => [`${name}_${axis + 1}`, (row) => points[row][axis]])),
    [`similarity to ${elementOf(state.selected).symbol}`, (row) => catalog.similarity[row][chosen]],
  ];
  return columns.map(([name, value]) => [before + name, ({ z }) => (catalog.rowOf.has(z) ? value(catalog.rowOf.get(z)) : null)]);
}
