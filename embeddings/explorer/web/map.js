// The map of one catalog: every element a point, the chosen one tied to its neighbors.

const MARGIN = 26;

// Where a label may be placed beside its point, the best first: to the right and down, in widths and heights of the label.
const SIDES = [
  [1, 0.35],
  [-1, 0.35],
  [0, -1],
  [0, 1.75],
  [0.8, -0.7],
  [-0.8, -0.7],
  [0.8, 1.4],
  [-0.8, 1.4],
];

// Points in pixels: each axis fills its side.
function toPixels(points, width, height) {
  const along = (axis, side) => {
    const [low, high] = range(points.map((point) => point[axis]));
    const scale = (side - 2 * MARGIN) / (high - low || 1);
    return points.map((point) => side / 2 + (point[axis] - (low + high) / 2) * scale);
  };
  const [xs, ys] = [along(0, width), along(1, height)];
  return xs.map((x, i) => [x, height - ys[i]]);
}

const overlaps = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

// Where each label goes: the first free place around its point; none where all are taken.
function placeLabels(points, symbols, order, size) {
  const taken = points.map(([x, y]) => ({ left: x - 4, right: x + 4, top: y - 4, bottom: y + 4 }));
  const places = new Map();
  for (const row of order) {
    const [x, y] = points[row];
    const width = symbols[row].length * size * 0.66;
    for (const [right, down] of SIDES) {
      const [cx, base] = [x + right * (width / 2 + 7), y + down * size * (right ? 1 : 0.92)];
      const box = { left: cx - width / 2, right: cx + width / 2, top: base - size * 0.8, bottom: base + 1 };
      if (box.left < 0 || taken.some((other, i) => i !== row && overlaps(box, other))) continue;
      taken.push(box);
      places.set(row, [cx, base]);
      break;
    }
  }
  return places;
}

function mapPane(app, catalog) {
  const picture = draw("svg", { class: "picture", role: "img" });
  const note = make("p.note");
  const button = saveButton(() => saveMap(app, catalog, picture));
  const node = make("div", heading(app, catalog), picture, note, button);
  const update = (state) => {
    const points = catalog.maps[state.projection];
    note.textContent = catalog.map_notes[state.projection] ?? "";
    note.hidden = points !== null;
    button.hidden = points === null;
    picture.toggleAttribute("hidden", points === null);
    if (points && picture.clientWidth) drawMap(app, catalog, picture, points, state);
  };
  new ResizeObserver(() => update(app.state)).observe(node);
  return { node, update };
}

function drawMap(app, catalog, picture, points, state) {
  const [width, height] = [picture.clientWidth, picture.clientHeight];
  const size = width < 420 ? 10.5 : 12;
  const pixels = toPixels(points, width, height);
  const symbols = catalog.atomic_numbers.map((z) => app.elementOf(z).symbol);
  const chosen = catalog.rowOf.get(state.selected);
  const near = neighborsOf(catalog, state.selected).map(([z]) => catalog.rowOf.get(z));
  const first = chosen === undefined ? [] : [chosen, ...near];
  const order = [...new Set([...first, ...symbols.keys()])];
  const labels = placeLabels(pixels, symbols, order, size);
  const ties = first.slice(1).map((row) => tie(pixels[chosen], pixels[row]));
  const marks = order
    .toReversed()
    .map((row) =>
      mark(app, catalog, row, pixels[row], labels.get(row), { size, chosen: row === chosen, near: near.includes(row) }),
    );
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute(
    "aria-label",
    `Map of ${symbols.length} elements by ${state.projection.toUpperCase()}; choose one in the periodic table`,
  );
  picture.replaceChildren(...ties, ...marks);
}

const tie = ([x1, y1], [x2, y2]) => draw("line", { class: "tie", x1, y1, x2, y2 });

function mark(app, catalog, row, [x, y], label, { size, chosen, near }) {
  const z = catalog.atomic_numbers[row];
  const element = app.elementOf(z);
  const { matches } = app.state;
  const look = ["mark", chosen && "chosen", near && "near", matches && !matches.has(z) && "dimmed"].filter(Boolean);
  const dot = draw("circle", { cx: x, cy: y, r: chosen ? 7.5 : 4.5 });
  const color = app.coloring.colorOf(catalog, z);
  if (color) styled(dot, { fill: color });
  const text = label ? draw("text", { x: label[0], y: label[1], "font-size": size }, element.symbol) : null;
  const reach = draw("circle", { class: "reach", cx: x, cy: y, r: 11 });
  return draw(
    "g",
    { class: look.join(" "), "data-z": z, onclick: () => app.update({ selected: z }) },
    draw("title", {}, `${element.name} (${element.symbol})`),
    reach,
    dot,
    text,
  );
}
