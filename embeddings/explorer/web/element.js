// The chosen element: who it is, how many training structures have it, its neighbors and its properties.

const FEW = 10;

function elementHeading(element) {
  const place = [`period ${element.period}`, element.group ? `group ${element.group}` : null, `${element.block} block`];
  return [
    make("span.big", element.symbol),
    make(
      "span.who",
      make("span.name", element.name),
      make("span.place", `${element.z} \u00b7 ${place.filter(Boolean).join(" \u00b7 ")}`),
    ),
  ];
}

function structuresBehind(catalog, z) {
  const count = catalog.n_structures[catalog.rowOf.get(z)];
  if (count === undefined) return make("p.note", "Nobody counted training structures for this catalog.");
  const share = Math.log(count + 1) / Math.log(Math.max(...catalog.n_structures) + 1);
  const few = count < FEW ? make("p.note", "So few that its vector says little.") : null;
  const bar = make("div.bar", { "aria-hidden": "true" }, styled(make("span"), { width: width(share) }));
  return make(
    "div.behind",
    make("p", make("strong", number(count, 12)), ` training structure${count === 1 ? "" : "s"} with it`),
    bar,
    few,
  );
}

function neighborItem(app, [z, similarity], shared) {
  const element = app.elementOf(z);
  const bar = make("span.bar", { "aria-hidden": "true" }, styled(make("span"), { width: width(similarity) }));
  const both = shared ? make("span.both", { title: "a neighbor in both catalogs" }, "both") : null;
  return make(
    "li",
    make(
      "button",
      { type: "button", "data-z": z, onclick: () => app.update({ selected: z }) },
      make("span.symbol", element.symbol),
      make("span.name", element.name, both),
      bar,
      make("span.similarity", signed(similarity)),
    ),
  );
}

const neighborsOf = (catalog, z) => (catalog.rowOf.has(z) ? catalog.neighbors[catalog.rowOf.get(z)] : []);

function inEveryCatalog(app, z, neighbor) {
  const lists = app.content.catalogs.map((catalog) => neighborsOf(catalog, z).map(([other]) => other));
  return lists.length > 1 && lists.every((list) => list.includes(neighbor));
}

function neighborList(app, catalog, z) {
  const found = neighborsOf(catalog, z);
  if (!found.length) return make("p.note", "It is the only element here, so it has no neighbors.");
  const items = found.map((pair) => neighborItem(app, pair, inEveryCatalog(app, z, pair[0])));
  return make("ol.neighbors", ...items);
}

function elementParts(app, catalog, z) {
  if (catalog.rowOf.has(z)) {
    const label = make("h4", "Nearest by cosine similarity");
    return [structuresBehind(catalog, z), label, neighborList(app, catalog, z)];
  }
  const { symbol } = app.elementOf(z);
  return [make("p.note", `${symbol} has no vector in ${catalog.title}: no training structure holds it.`)];
}

function elementPane(app, catalog) {
  const body = make("div");
  return {
    node: make("div.element", heading(app, catalog), body),
    update({ selected }) {
      const focused = [...body.querySelectorAll("button")].indexOf(document.activeElement);
      body.replaceChildren(...elementParts(app, catalog, selected));
      body.querySelectorAll("button")[focused]?.focus(); // who walks by the keyboard stays in the list
    },
  };
}

function propertiesOf(app, z) {
  const known = Object.values(app.content.properties).filter(({ values }) => values[z - 1] !== null);
  return pairs(known.map(({ label, unit, values }) => ({ label, text: `${number(values[z - 1])} ${unit}` })));
}
