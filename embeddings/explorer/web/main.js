// The page: one state, and panes that follow it.

const byNumber = new Map(content.elements.map((element) => [element.z, element]));
for (const catalog of content.catalogs) {
  catalog.rowOf = new Map(catalog.atomic_numbers.map((z, row) => [z, row]));
}
content.reach = strongest(content.catalogs);

const app = {
  content,
  panes: [],
  state: {
    selected: askedElement() ?? firstElement(),
    coloring: "cluster",
    k: "best",
    projection: content.projections[0],
    order: "number",
    matches: null,
  },
  elementOf: (z) => byNumber.get(z),
  get coloring() {
    return this.choices[this.state.coloring];
  },
  update(changes) {
    Object.assign(this.state, changes);
    for (const pane of this.panes) pane.update(this.state);
    if ("selected" in changes) announce(this);
  },
};
app.choices = colorings(app.state);

// The strongest similarity or dissimilarity of two different elements, in any of the catalogs.
function strongest(catalogs) {
  const all = catalogs.flatMap(({ similarity }) => similarity.flatMap((row, i) => row.filter((_, j) => j !== i)));
  return all.reduce((most, value) => Math.max(most, Math.abs(value)), 0.01);
}

// The element in the address, as in explorer.html#Fe.
function askedElement() {
  return content.elements.find(({ symbol }) => `#${symbol}` === location.hash)?.z;
}

// Iron, else the first that has a vector.
function firstElement() {
  const { atomic_numbers: covered } = content.catalogs[0];
  return covered.includes(26) ? 26 : covered[0];
}

function announce({ state, elementOf }) {
  const { name, symbol } = elementOf(state.selected);
  const near = content.catalogs.map((catalog) => {
    const nearest = neighborsOf(catalog, state.selected)
      .slice(0, 3)
      .map(([z]) => elementOf(z).name);
    return nearest.length
      ? `Nearest in ${catalog.title}: ${nearest.join(", ")}.`
      : `No neighbors in ${catalog.title}.`;
  });
  find("#status").textContent = `${name}. ${near.join(" ")}`;
  history.replaceState(null, "", `#${symbol}`);
}

function fillSections() {
  const makers = { table: tablePane, element: elementPane, map: mapPane, heatmap: heatmapPane, facts: factsPane };
  for (const [id, maker] of Object.entries(makers)) {
    const panes = content.catalogs.map((catalog) => maker(app, catalog));
    find(`#${id} .panes`).append(...panes.map(({ node }) => node));
    app.panes.push(...panes);
  }
  app.panes.push({ update: showElement }, { update: showControls });
  if (!content.comparison) return;
  find("#comparison").hidden = false;
  find("#comparison .panes").append(...comparisonPanes(app));
}

function showElement({ selected }) {
  find("#element-title").replaceChildren(...elementHeading(app.elementOf(selected)));
  find("#element details div").replaceChildren(propertiesOf(app, selected));
}

function showControls({ coloring, order }) {
  find("#k").parentNode.hidden = coloring !== "cluster" && order !== "cluster";
  for (const bar of document.querySelectorAll("[data-scale]")) styled(bar, gradient(bar.dataset.scale));
}

document.body.dataset.catalogs = content.catalogs.length;
find("#title").textContent = content.title;
find("#subtitle").textContent = content.subtitle;
addColorChoice(app);
addClusterChoice(app);
addRadios(app, "projection", Object.fromEntries(content.projections.map((name) => [name, name.toUpperCase()])));
addRadios(app, "order", { number: "By number", cluster: "By cluster" });
fillSections();
addTableExport(app);
addSearch(app);
addEventListener("hashchange", () => askedElement() && app.update({ selected: askedElement() }));
NARROW.addEventListener("change", () => app.update({}));
addTheme(app);
