// Making nodes: text always goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

// Fills a node: plain objects are attributes, nodes and texts are children, null is nothing.
function fill(node, parts) {
  for (const part of parts.filter((part) => part !== null)) {
    if (part instanceof Node || typeof part === "string") node.append(part);
    else for (const [name, value] of Object.entries(part)) setAttribute(node, name, value);
  }
  return node;
}

function setAttribute(node, name, value) {
  if (name === "onclick") node.addEventListener("click", value);
  else if (value !== false) node.setAttribute(name, value === true ? "" : value);
}

// make("p.note", "text") is <p class="note">text</p>; draw does the same in SVG.
function make(tag, ...parts) {
  const [name, ...classes] = tag.split(".");
  const node = fill(document.createElement(name), parts);
  node.classList.add(...classes);
  return node;
}

const draw = (tag, ...parts) => fill(document.createElementNS(SVG, tag), parts);
const find = (selector) => document.querySelector(selector);

function styled(node, properties) {
  for (const [name, value] of Object.entries(properties)) node.style.setProperty(name, value);
  return node;
}

// What the page shows, see embeddings/explorer/content.py.
const content = JSON.parse(find("#content").textContent);

// A few significant digits, thousands separated, a true minus sign.
function number(value, digits = 4) {
  const text = value.toLocaleString("en", { maximumSignificantDigits: digits });
  return text.replace("-", "\u2212");
}

const width = (share) => `${(100 * Math.min(Math.max(share, 0), 1)).toFixed(1)}%`;
const twoDecimals = (value) => value.toFixed(2);
const signed = (value, decimals = 3) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(decimals);
// The title over one of two catalogs; one alone needs none.
const heading = (app, catalog) => (app.content.catalogs.length > 1 ? make("h3", catalog.title) : null);
// A list of labels and texts.
function pairs(facts) {
  const rows = facts.flatMap(({ label, text }) => [make("dt", label), make("dd", text)]);
  return make("dl.pairs", ...rows);
}

const percent = (share) => `${Math.round(100 * share)}%`;
const plural = (count, noun) => `${number(count, 12)} ${noun}${count === 1 ? "" : "s"}`;
