// Where a catalog comes from, and how well it did.

function metricRow({ target, mae, baseline_mae, unit, r2, n }) {
  const share = baseline_mae > 0 ? mae / baseline_mae : 1;
  const bar = make("span.bar", { "aria-hidden": "true" }, styled(make("span"), { width: width(share) }));
  return make(
    "tr",
    make("th", { scope: "row" }, `${target} `, make("span.unit", unit)),
    make("td", number(mae, 3)),
    make("td", number(baseline_mae, 3), bar),
    make("td", r2 === null ? "\u2013" : r2.toFixed(3)),
    make("td", number(n, 12)),
  );
}

function metricTable(metrics) {
  const head = ["Held-out error", "MAE", "MAE of the mean", "R\u00b2", "n"].map((text) =>
    make("th", { scope: "col" }, text),
  );
  const table = make("table", make("thead", make("tr", ...head)), make("tbody", ...metrics.map(metricRow)));
  return make("div.scroll", { tabindex: 0, role: "region", "aria-label": "Held-out errors" }, table);
}

function factsPane(app, catalog) {
  const limits = catalog.limits.length
    ? [make("h4", "Limits"), make("ul.limits", ...catalog.limits.map((text) => make("li", text)))]
    : [];
  return {
    node: make(
      "div.facts",
      heading(app, catalog),
      make(
        "div",
        catalog.metrics.length ? metricTable(catalog.metrics) : null,
        ...limits,
        make("h4", "Terms of use"),
        pairs(catalog.terms),
      ),
      pairs(catalog.facts),
    ),
    update() {},
  };
}
