// Tables that can be sorted: by a button in each heading, which says how the table is sorted.

/** Makes the tables marked with `data-sortable` sortable by the columns whose headings have `data-sort`. */
export function startSorting() {
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const headings = [...table.querySelectorAll("thead tr:last-child > th")];
    headings.forEach((heading, column) => {
      if (heading.dataset.sort === undefined) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, headings, column));
    });
  }
}

function sort(table, headings, column) {
  const heading = headings[column];
  const numbers = heading.dataset.sort === "number";
  // Numbers start with the largest: that is who needs attention.
  const first = numbers ? "descending" : "ascending";
  const other = numbers ? "ascending" : "descending";
  const order = heading.getAttribute("aria-sort") === first ? other : first;
  for (const each of headings) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[column], numbers) }));
  rows.sort((a, b) => compare(a.key, b.key, order));
  body.append(...rows.map(({ row }) => row));
}

function keyOf(cell, asNumber) {
  const text = cell?.dataset.value ?? cell?.textContent.trim() ?? "";
  if (!asNumber) return text === "" ? null : text;
  const number = Number.parseFloat(text);
  return Number.isNaN(number) ? null : number;
}

/** Cells without a value stay last, whichever way the table is sorted. */
export function compare(a, b, order) {
  if (a === null || b === null) return (a === null) - (b === null);
  const up = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  return order === "ascending" ? up : -up;
}
