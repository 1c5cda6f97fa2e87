// Names from data, made fit for plotly.

/** Plotly reads a few tags and entities in text. */
export function escapeText(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** At most `most` letters: start and end of a longer name, since names of a kind differ at their end. */
export function shorten(name, most) {
  if (name.length <= most) return name;
  const end = Math.floor((most - 1) / 3);
  return `${name.slice(0, Math.max(most - 1 - end, 1))}…${end > 0 ? name.slice(-end) : ""}`;
}
