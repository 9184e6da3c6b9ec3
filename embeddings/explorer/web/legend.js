// The legend: what the colours of one catalog's table and map mean.

const swatch = (look, text) => make("li", make("span", { class: `swatch ${look}` }), text);

function clusterLegend({ k, labels, silhouette }) {
  const items = [...new Set(labels)]
    .sort((a, b) => a - b)
    .map((label) => {
      const tile = styled(make("span.swatch.numbered", clusterName(label)), {
        background: categoryColour(label),
      });
      return make("li", tile, String(labels.filter((other) => other === label).length));
    });
  const score = silhouette === null ? "" : `; silhouette ${number(silhouette, 2)}`;
  return [make("ul.swatches", ...items), make("p", `${k} clusters by k-means with their sizes${score}`)];
}

function scaleLegend(colouring) {
  const [low, high] = colouring.domain();
  const middle = colouring.logarithmic ? Math.sqrt(low * high) : (low + high) / 2;
  const bar = styled(make("div.ramp"), gradient(colouring.scale));
  const ticks = [colouring.format(low), number(middle, 2), colouring.format(high)].map((text) => make("span", text));
  return [bar, make("div.ticks", ...ticks)];
}

function legend(catalog, colouring, k) {
  const clusters = clustering(catalog, k);
  const without = colouring.categorical && !clusters;
  const body = without
    ? [make("p.note", catalog.clusters.note)]
    : colouring.categorical
      ? clusterLegend(clusters)
      : scaleLegend(colouring);
  const blank = !without && catalog.atomic_numbers.some((z) => colouring.colourOf(catalog, z) === null);
  const keys = make("ul.swatches", swatch("missing", "no vector"), blank ? swatch("blank", "no value") : null);
  const title = colouring.title + (colouring.unit ? ` (${colouring.unit})` : "");
  return [make("p.legend-title", title), ...body, keys];
}
