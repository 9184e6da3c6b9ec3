// The controls: what changes the state of the page.

function addColorChoice(app) {
  const groups = Map.groupBy(Object.entries(app.choices), ([, { group }]) => group);
  const select = find("#coloring");
  for (const [label, entries] of groups) {
    select.append(
      make("optgroup", { label }, ...entries.map(([key, { title }]) => make("option", { value: key }, title))),
    );
  }
  select.addEventListener("change", () => app.update({ coloring: select.value }));
}

function addClusterChoice(app) {
  const numbers = new Set(app.content.catalogs.flatMap(({ clusters }) => Object.keys(clusters.choices ?? {})));
  numbers.delete("best");
  const select = find("#k");
  select.append(
    make("option", { value: "best" }, "best fit"),
    ...[...numbers].map((k) => make("option", { value: k }, k)),
  );
  select.addEventListener("change", () => app.update({ k: select.value }));
}

function addRadios(app, key, options) {
  for (const [value, text] of Object.entries(options)) {
    const input = make("input", { type: "radio", name: key, value, checked: value === app.state[key] });
    input.addEventListener("change", () => app.update({ [key]: value }));
    find(`#${key}`).append(make("label", input, make("span", text)));
  }
}

// Elements that a query means, the best first: symbol, then number, then the beginning of the name.
function search(elements, query) {
  const asked = query.trim().toLowerCase();
  const rank = ({ symbol, z, name }) =>
    [
      symbol.toLowerCase() === asked,
      String(z) === asked,
      name.toLowerCase().startsWith(asked),
      symbol.toLowerCase().startsWith(asked),
    ].indexOf(true);
  return elements.filter((element) => rank(element) >= 0).sort((a, b) => rank(a) - rank(b));
}

function addSearch(app) {
  const input = find("#search");
  input.addEventListener("input", () => {
    const found = search(app.content.elements, input.value);
    const asked = input.value.trim() !== "";
    app.update({ matches: asked ? new Set(found.map(({ z }) => z)) : null });
    input.setAttribute("aria-invalid", asked && !found.length);
    find("#status").textContent = asked ? `${plural(found.length, "element")} found` : "";
  });
  input.addEventListener("keydown", (event) => {
    const best = search(app.content.elements, input.value)[0];
    if (event.key !== "Enter" || !input.value.trim() || !best) return;
    input.value = "";
    app.update({ selected: best.z, matches: null });
    find(`#table [data-z="${best.z}"]`).focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === input) return;
    event.preventDefault();
    input.focus();
  });
}

function addTheme(app) {
  const [button, root] = [find("#theme"), document.documentElement];
  const show = (theme) => {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${theme === "dark" ? "light" : "dark"} colors`);
    app.update({});
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  button.addEventListener("click", () => show(root.dataset.theme === "dark" ? "light" : "dark"));
  system.addEventListener("change", () => show(system.matches ? "dark" : "light"));
  show(system.matches ? "dark" : "light");
}
