"use strict";
// Loads the files of the atlas, which are scripts: a page that is opened from disk may load nothing else.
const atlas = (() => {
  const DATABASE = "assets/duckdb-browser";
  const blobs = new Map();
  const urls = new Map();
  const status = document.querySelector("#status p");
  let handed = null;

  function run(source) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.onload = () => resolve(script.remove());
      script.onerror = () => reject(new Error(`${source} is missing. Copy the whole folder, not the page alone.`));
      script.src = source;
      document.head.append(script);
    });
  }

  async function bytes(source) {
    await run(source);
    const text = handed;
    handed = null;
    return (await fetch(`data:application/octet-stream;base64,${text}`)).arrayBuffer();
  }

  async function load({ name, type, parts }) {
    const pieces = [];
    for (const source of parts) pieces.push(await bytes(source));
    const packed = new Blob(pieces).stream().pipeThrough(new DecompressionStream("gzip"));
    const content = [await new Response(packed).blob()];
    if (name.startsWith(DATABASE)) content.unshift(`(${atlasWorker})();\n`);
    const blob = new Blob(content, { type });
    blobs.set(name, blob);
    urls.set(name, URL.createObjectURL(blob));
  }

  // Whatever the viewer asks for is one of these files, or is not there.
  function answer() {
    window.fetch = async (address) => {
      for (const [name, blob] of blobs) if (String(address).endsWith(`/${name}`)) return new Response(blob);
      return new Response("", { status: 404 });
    };
    const Plain = window.Worker;
    window.Worker = class extends Plain {
      constructor(address) {
        super(address); // not as a module, which a page from disk may not start
        const isDatabase = [...urls].some(([name, url]) => name.startsWith(DATABASE) && url === String(address));
        if (isDatabase) this.postMessage([...blobs].flatMap(([name, blob]) => [[name, blob], [urls.get(name), blob]]));
      }
    };
  }

  async function start() {
    const { files } = JSON.parse(document.getElementById("files").textContent);
    const n = files.reduce((sum, file) => sum + file.parts.length, 0);
    let done = 0;
    for (const file of files) {
      status.textContent = `Loading: ${Math.round((100 * done) / n)}%`;
      await load(file);
      done += file.parts.length;
    }
    for (const { name, type } of files) {
      if (type !== "text/css") continue;
      const style = document.createElement("link");
      style.rel = "stylesheet";
      style.href = urls.get(name);
      document.head.append(style);
    }
    answer();
    await import(urls.get(files.at(-1).name));
    document.getElementById("status").remove();
  }

  queueMicrotask(() => start().catch((error) => (status.textContent = `The atlas cannot be shown: ${error.message}`)));
  return {
    part: (text) => (handed = text),
    url: (name) => urls.get(`assets/${name}`) ?? `data:,${name}`,
  };
})();
