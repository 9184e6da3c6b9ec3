"use strict";
// Runs first in the worker of the database, which then finds the files of the atlas under their addresses, and no others.
function atlasWorker() {
  const files = new Map();
  const found = (given) => {
    const address = String(given?.url ?? given);
    if (files.has(address)) return files.get(address);
    for (const [name, blob] of files) if (address.endsWith(`/${name}`)) return blob;
    return undefined;
  };

  addEventListener("message", function handed(event) {
    event.stopImmediatePropagation();
    removeEventListener("message", handed);
    for (const [name, blob] of event.data) files.set(name, blob);
  });

  globalThis.fetch = async (address) => {
    const blob = found(address);
    if (!blob) return new Response("", { status: 404 });
    return new Response(blob, { headers: { "Content-Type": blob.type, "Content-Length": String(blob.size) } });
  };

  globalThis.XMLHttpRequest = class {
    readyState = 0;
    status = 0;
    response = null;
    open(method, address) {
      this.method = method;
      this.blob = found(address);
    }
    setRequestHeader() {}
    overrideMimeType() {}
    getAllResponseHeaders() {
      return "";
    }
    getResponseHeader(name) {
      return this.blob && name.toLowerCase() === "content-length" ? String(this.blob.size) : null;
    }
    send() {
      this.readyState = 4;
      this.status = this.blob ? 200 : 404;
      if (this.blob && this.method === "GET") this.response = new FileReaderSync().readAsArrayBuffer(this.blob);
      this.onload?.();
    }
  };
}
