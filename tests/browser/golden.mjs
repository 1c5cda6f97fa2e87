// Small pictures of pages, compared with those that a person has looked at: tests/golden/pages. `NODEBOOK_GOLDEN=write` writes them anew.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const DIRECTORY = join(dirname(dirname(fileURLToPath(import.meta.url))), "golden", "pages");
/** A kept picture has an eighth of the width of the page. */
const SHRINK = 8;
/** Fonts differ from machine to machine, so a kept picture is compared as tiles of so many pixels, whose mean colour may differ by so much of 255 … */
const TILE = 6;
const DIFFERENCE = 28;
/** … in so many of a hundred tiles. */
const TILES_OFF = 6;

/** Compares the page as it stands with its kept picture; returns what is wrong, or null. Pictures are made small and compared by the browser. */
export async function comparedWithGolden(page, name) {
  const file = join(DIRECTORY, `${name}.png`);
  const shot = (await page.screenshot({ fullPage: true, animations: "disabled" })).toString("base64");
  const blank = await page.context().newPage();
  try {
    if (process.env.NODEBOOK_GOLDEN === "write") {
      const small = await blank.evaluate(shrunk, { shot, shrink: SHRINK });
      mkdirSync(DIRECTORY, { recursive: true });
      writeFileSync(file, Buffer.from(small, "base64"));
      return null;
    }
    if (!existsSync(file)) return `${file} is missing: NODEBOOK_GOLDEN=write makes it`;
    const golden = readFileSync(file).toString("base64");
    const small = await blank.evaluate(shrunk, { shot, shrink: SHRINK });
    const { heights, off } = await blank.evaluate(compared, { golden, small, tile: TILE, difference: DIFFERENCE });
    if (Math.abs(heights[0] - heights[1]) > 0.05 * heights[0]) return `${name} was ${heights[0]} px high and is ${heights[1]} px`;
    return off > TILES_OFF ? `${name}: ${off.toFixed(1)} % of it look different` : null;
  } finally {
    await blank.close();
  }
}

/** In the page: a picture made smaller. */
async function shrunk({ shot, shrink }) {
  const image = Object.assign(new Image(), { src: `data:image/png;base64,${shot}` });
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(image.width / shrink), height: Math.round(image.height / shrink) });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png").split(",")[1];
}

/** In the page: heights of both pictures, and the share of tiles, in percent, whose mean colours are further apart than `difference`. */
async function compared({ golden, small, tile, difference }) {
  const tiles = async (data) => {
    const image = Object.assign(new Image(), { src: `data:image/png;base64,${data}` });
    await image.decode();
    const [width, height] = [Math.ceil(image.width / tile), Math.ceil(image.height / tile)];
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, width, height);
    return { height: image.height, width, rows: height, pixels: context.getImageData(0, 0, width, height).data };
  };
  const [a, b] = [await tiles(golden), await tiles(small)];
  const count = Math.min(a.rows, b.rows) * a.width;
  let off = 0;
  for (let i = 0; i < count; i++) {
    const apart = [0, 1, 2].map((channel) => Math.abs(a.pixels[4 * i + channel] - b.pixels[4 * i + channel]));
    if (Math.max(...apart) > difference) off += 1;
  }
  return { heights: [a.height, b.height], off: (100 * off) / count };
}
