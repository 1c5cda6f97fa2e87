// What the reader has chosen: nodes, metrics, a time range. Its state lives in the fragment of the page's address.

/** Everything. */
export const NEUTRAL = Object.freeze({ nodes: null, metrics: null, from: null, to: null });

export function isNeutral(filter) {
  return filter.nodes === null && filter.metrics === null && filter.from === null && filter.to === null;
}

/** The fragment for a filter, without `#`; empty for the neutral one. */
export function toFragment(filter) {
  const parameters = new URLSearchParams();
  for (const node of filter.nodes ?? []) parameters.append("node", node);
  for (const metric of filter.metrics ?? []) parameters.append("metric", metric);
  if (filter.from !== null) parameters.append("from", new Date(filter.from).toISOString());
  if (filter.to !== null) parameters.append("to", new Date(filter.to).toISOString());
  return parameters.toString();
}

/** The filter that a fragment names; null for a fragment that is an anchor. What the data does not have is left out. */
export function fromFragment(fragment, dataset) {
  if (!fragment.includes("=")) return null;
  const parameters = new URLSearchParams(fragment);
  const known = (name, names) => {
    const found = parameters.getAll(name).filter((value) => names.has(value));
    return found.length > 0 ? found : null;
  };
  const instant = (name) => {
    const ms = Date.parse(parameters.get(name) ?? "");
    return Number.isFinite(ms) ? ms : null;
  };
  return limited(
    {
      nodes: known("node", dataset.nodeByName),
      metrics: known("metric", dataset.metricByName),
      from: instant("from"),
      to: instant("to"),
    },
    dataset,
  );
}

/** The filter with a time range within the report's, on whole buckets and at least one of them long. */
export function limited(filter, dataset) {
  const { start, step } = dataset.grid;
  const on = (ms, round) => start + round((ms - start) / step) * step;
  let from = filter.from === null ? null : on(filter.from, Math.floor);
  let to = filter.to === null ? null : on(filter.to, Math.ceil);
  if (from !== null && to !== null && to <= from) to = from + step;
  const inside = (ms) => ms !== null && ms > dataset.from && ms < dataset.to;
  if (!inside(from)) from = null;
  if (!inside(to)) to = null;
  return { ...filter, from, to };
}

export function sameFilter(a, b) {
  return toFragment(a) === toFragment(b);
}

/** Whether only the time range differs. */
export function sameChoice(a, b) {
  return toFragment({ ...a, from: null, to: null }) === toFragment({ ...b, from: null, to: null });
}

/** The rows of a metric whose nodes are chosen. */
export function chosenRows(rows, filter, dataset) {
  if (filter.nodes === null) return rows;
  const chosen = new Set(filter.nodes.map((name) => dataset.nodeByName.get(name)));
  return rows.filter((row) => chosen.has(row.node));
}
