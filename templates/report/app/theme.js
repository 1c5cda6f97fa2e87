// Light, dark, or what the system says; and the page's colours for charts, which are not CSS.

const STORED = "nodebook:theme";

/** Wires the theme buttons; `changed` is called when the page's colours have changed. */
export function startTheme(changed) {
  const buttons = [...document.querySelectorAll("[data-theme-set]")];
  const show = (theme) => {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeSet === theme));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      show(button.dataset.themeSet);
      rememberTheme(button.dataset.themeSet);
      changed();
    });
  }
  show(rememberedTheme() ?? document.documentElement.dataset.theme ?? "system");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

// Storage can be forbidden to a page from disk; then the theme lasts as long as the page.
function rememberTheme(theme) {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    return;
  }
}

function rememberedTheme() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** Resolves the page's colour tokens (`var(--grid)`) to what they are now. */
export class Palette {
  constructor() {
    this.probe = document.createElement("span");
    this.probe.hidden = true;
    document.body.append(this.probe);
    this.known = new Map();
  }

  /** To be called when the theme has changed. */
  forget() {
    this.known.clear();
  }

  colour(token) {
    if (!this.known.has(token)) {
      this.probe.style.color = token;
      this.known.set(token, getComputedStyle(this.probe).color);
    }
    return this.known.get(token);
  }

  /** A copy of a part of a figure with its colours resolved. Only colours are: a name that looks like a token stays a name. */
  resolved(part, isColour = false) {
    if (typeof part === "string") return isColour && part.startsWith("var(--") ? this.colour(part) : part;
    if (part === null || typeof part !== "object" || ArrayBuffer.isView(part)) return part;
    if (Array.isArray(part)) return part.map((item) => this.resolved(item, isColour));
    return Object.fromEntries(
      Object.entries(part).map(([key, value]) => [key, this.resolved(value, /color(scale|way)?$/i.test(key))]),
    );
  }
}
