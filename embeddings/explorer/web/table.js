// The periodic table of one catalog: a grid of buttons that the arrow keys walk.

const NARROW = matchMedia("(max-width: 719px)");
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Column and row of an element as shown: the f block is below, and a narrow screen turns the table on its side.
function position({ column, row }) {
  return NARROW.matches ? [row, column] : [column, row];
}

// The next element from one in a direction, on the same line; null at the edge.
function neighborInTable(elements, from, [right, down]) {
  const [x, y] = position(from);
  const ahead = elements.filter((other) => {
    const [dx, dy] = [position(other)[0] - x, position(other)[1] - y];
    return right ? dy === 0 && dx * right > 0 : dx === 0 && dy * down > 0;
  });
  const distance = (other) => Math.abs(position(other)[0] - x) + Math.abs(position(other)[1] - y);
  return ahead.sort((a, b) => distance(a) - distance(b))[0] ?? null;
}

function cell(app, catalog, element) {
  const choose = () => app.update({ selected: element.z });
  const node = make(
    "button.cell",
    { type: "button", role: "gridcell", "data-z": element.z, tabindex: -1, onclick: choose },
    make("span.z", String(element.z)),
    make("span.symbol", element.symbol),
    make("span.value"),
  );
  node.classList.toggle("missing", !catalog.rowOf.has(element.z));
  return styled(node, { "--column": element.column, "--row": element.row });
}

function paint(app, catalog, node, element) {
  const covered = catalog.rowOf.has(element.z);
  const color = covered ? app.coloring.colorOf(catalog, element.z) : null;
  const text = color ? app.coloring.textOf(catalog, element.z) : "";
  styled(node, { "--fill": color ?? "", "--ink-on-fill": color ? inkOn(color) : "" });
  node.classList.toggle("blank", covered && color === null);
  node.lastChild.textContent = text;
  const said = covered ? `${app.coloring.title}: ${text || "no value"}` : "no vector in this catalog";
  node.setAttribute("aria-label", `${element.name}, ${element.symbol}, ${element.z}. ${said}`);
  node.title = `${element.name} (${element.z})\n${said}`;
}

function tablePane(app, catalog) {
  const cells = new Map(app.content.elements.map((element) => [element.z, cell(app, catalog, element)]));
  const rows = Map.groupBy(app.content.elements, (element) => element.row);
  const lines = [...rows.values()].map((row) => make("div", { role: "row" }, ...row.map(({ z }) => cells.get(z))));
  const grid = make("div.elements", { role: "grid", "aria-label": `Elements in ${catalog.title}` }, ...lines);
  const key = make("div.legend");
  grid.addEventListener("keydown", (event) => walk(app, cells, event));
  return {
    node: make("div", heading(app, catalog), make("div.table", key, grid), saveButton(() => saveTable(app, catalog))),
    update(state) {
      key.replaceChildren(...legend(catalog, app.coloring, state.k));
      for (const element of app.content.elements) {
        const node = cells.get(element.z);
        const chosen = element.z === state.selected;
        paint(app, catalog, node, element);
        node.tabIndex = chosen ? 0 : -1;
        node.setAttribute("aria-selected", chosen);
        node.classList.toggle("dimmed", state.matches !== null && !state.matches.has(element.z));
      }
    },
  };
}

function walk(app, cells, event) {
  const step = STEPS[event.key];
  if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const next = neighborInTable(app.content.elements, app.elementOf(Number(event.target.dataset.z)), step);
  if (next === null) return;
  app.update({ selected: next.z });
  cells.get(next.z).focus();
}
