// The legend: what the colors of one catalog's table and map mean.

const swatch = (look, text) => make("li", make("span", { class: `swatch ${look}` }), text);

function clusterLegend({ k, labels, silhouette }, matched) {
  const items = [...new Set(labels)]
    .sort((a, b) => a - b)
    .map((label) => {
      const tile = styled(make("span.swatch.numbered", String(label)), {
        background: categoryColor(label),
        color: inkOn(categoryColor(label)),
      });
      return make("li", tile, String(labels.filter((other) => other === label).length));
    });
  const score = silhouette === null ? "" : `; silhouette ${number(silhouette, 2)}`;
  const after = matched ? `, numbered after ${matched}` : "";
  return [make("ul.swatches", ...items), make("p", `${k} clusters by k-means with their sizes${after}${score}`)];
}

function scaleLegend(coloring) {
  const [low, high] = coloring.domain();
  const middle = coloring.logarithmic ? Math.sqrt(low * high) : (low + high) / 2;
  const bar = styled(make("div.ramp"), gradient(coloring.scale));
  const ticks = [coloring.format(low), number(middle, 2), coloring.format(high)].map((text) => make("span", text));
  return [bar, make("div.ticks", ...ticks)];
}

const legendTitle = ({ title, unit }) => title + (unit ? ` (${unit})` : "");

function legend(catalog, coloring, k) {
  const clusters = clustering(catalog, k);
  const without = coloring.categorical && !clusters;
  const body = without
    ? [make("p.note", catalog.clusters.note)]
    : coloring.categorical
      ? clusterLegend(clusters, content.catalogs[0] === catalog ? null : content.catalogs[0].title)
      : scaleLegend(coloring);
  const blank = !without && catalog.atomic_numbers.some((z) => coloring.colorOf(catalog, z) === null);
  const keys = make("ul.swatches", swatch("missing", "no vector"), blank ? swatch("blank", "no value") : null);
  return [make("p.legend-title", legendTitle(coloring)), ...body, keys];
}
