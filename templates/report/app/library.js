// plotly.js, inflated when the first chart is wanted.

import { inflate, payload } from "./payload.js";

let loading = null;

/** Resolves to plotly.js. Its text is in the page, and the page's policy names its hash. */
export function library() {
  loading ??= load();
  return loading;
}

async function load() {
  const bytes = payload("nodebook-plotly");
  if (!bytes) throw new Error("the page carries no plotly.js");
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await inflate(bytes));
  document.head.append(script);
  script.remove();
  if (!window.Plotly) throw new Error("plotly.js did not start");
  return window.Plotly;
}
