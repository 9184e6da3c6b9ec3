// How alike two catalogs are, and which elements moved.

function figure(value, name, meaning) {
  return make("div.figure", make("span.big", value), make("span.name", name), make("span.hint", meaning));
}

function comparisonPanes(app) {
  const { comparison } = app.content;
  if (comparison.note) return [make("p.note", comparison.note)];
  const chips = comparison.most.map((z) =>
    make(
      "button",
      { type: "button", "data-z": z, onclick: () => app.update({ selected: z }) },
      make("span.symbol", app.elementOf(z).symbol),
      twoDecimals(comparison.moved[z]),
    ),
  );
  return [
    figure(
      percent(comparison.overlap),
      "neighbors in common",
      `of the ${comparison.k} nearest, mean over ${comparison.n_shared} shared elements`,
    ),
    figure(twoDecimals(comparison.cka), "similarity of similarities", "linear CKA; 1: the same structure"),
    figure(
      twoDecimals(comparison.procrustes),
      "distance once aligned",
      "Procrustes; 0: the same shape, 1: nothing in common",
    ),
    make("div.moved", make("span.name", "Moved most"), make("div.chips", ...chips)),
  ];
}
