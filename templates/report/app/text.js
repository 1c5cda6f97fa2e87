// Names from data, made fit for plotly.

/** Plotly reads a few tags and entities in text, and looks names up in plain objects: `constructor` must not be found there. */
export function escapeText(text) {
  const inherited = String(text) in Object.prototype ? "\u200b" : "";
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;") + inherited;
}

/** At most `most` letters: start and end of a longer name, since names of a kind differ at their end. */
export function shorten(name, most) {
  if (name.length <= most) return name;
  const end = Math.floor((most - 1) / 3);
  return `${name.slice(0, Math.max(most - 1 - end, 1))}…${end > 0 ? name.slice(-end) : ""}`;
}
