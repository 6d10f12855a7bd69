// What was drawn on a canvas, as a file: PNG, or SVG by the same drawing function with a context that writes paths.
import { css } from "./canvas.js";
import { save } from "./export.js";
import { html } from "./lib.js";

const WIDTH = 900, HEIGHT = 420, HEAD = 30;
const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const ANCHORS = { right: "end", center: "middle", left: "start" }, LINES = { top: "hanging", middle: "central", alphabetic: "alphabetic" };
const n = (x) => Number(x.toFixed(2));

// The part of a canvas's 2D context that our charts use.
class SvgContext {
  constructor() {
    Object.assign(this, { parts: [], path: "", fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, globalAlpha: 1, textAlign: "left", textBaseline: "alphabetic" });
  }
  beginPath() {
    this.path = "";
  }
  moveTo(x, y) {
    this.path += `M${n(x)} ${n(y)}`;
  }
  lineTo(x, y) {
    this.path += `${this.path ? "L" : "M"}${n(x)} ${n(y)}`;
  }
  arc(x, y, r) {
    this.path += `M${n(x - r)} ${n(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
  }
  stroke() {
    this.parts.push(`<path d="${this.path}" fill="none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}" stroke-linejoin="round" opacity="${this.globalAlpha}"/>`);
  }
  fill() {
    this.parts.push(`<path d="${this.path}" fill="${this.fillStyle}" opacity="${this.globalAlpha}"/>`);
  }
  fillRect(x, y, width, height) {
    this.parts.push(`<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" fill="${this.fillStyle}" opacity="${this.globalAlpha}"/>`);
  }
  fillText(text, x, y) {
    const place = `text-anchor="${ANCHORS[this.textAlign]}" dominant-baseline="${LINES[this.textBaseline]}"`;
    this.parts.push(`<text x="${n(x)}" y="${n(y)}" ${place} fill="${this.fillStyle}">${escaped(text)}</text>`);
  }
}

export function svgOf(draw, title) {
  const context = new SvgContext();
  draw(context, WIDTH, HEIGHT);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT + HEAD}" font-family="system-ui, sans-serif" font-size="11">
<rect width="100%" height="100%" fill="${css("--panel")}"/><text x="12" y="20" font-size="14" font-weight="600" fill="${css("--text")}">${escaped(title)}</text>
<g transform="translate(0,${HEAD})">${context.parts.join("\n")}</g></svg>`;
}

export function pngOf(draw, title) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * WIDTH, height: 2 * (HEIGHT + HEAD) });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  Object.assign(context, { fillStyle: css("--panel"), font: "600 14px system-ui" });
  context.fillRect(0, 0, WIDTH, HEIGHT + HEAD);
  context.fillStyle = css("--text");
  context.fillText(title, 12, 20);
  context.translate(0, HEAD);
  draw(context, WIDTH, HEIGHT);
  return new Promise((done) => canvas.toBlob(done));
}

const quoted = (cell) => (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
export const csvOf = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";

// name: of the file; draw(context, width, height); rows(): the numbers, their names first.
export function SaveMenu({ name, draw, rows }) {
  const kinds = {
    PNG: async () => save(name + ".png", "image/png", await pngOf(draw, name)),
    SVG: () => save(name + ".svg", "image/svg+xml", svgOf(draw, name)),
    CSV: () => save(name + ".csv", "text/csv", csvOf(rows())),
  };
  const leave = (event) => !event.currentTarget.contains(event.relatedTarget) && (event.currentTarget.open = false);
  const escape = (event) => event.key === "Escape" && (event.currentTarget.open = false);
  const choose = (event, make) => (make(), (event.currentTarget.closest("details").open = false));
  return html`<details class="menu saving" onFocusOut=${leave} onKeyDown=${escape}><summary class="quiet" title="Save as a file">⤓</summary>
    <span class="choices">${Object.entries(kinds).map(([kind, make]) => html`<button onClick=${(event) => choose(event, make)}>${kind}</button>`)}</span></details>`;
}
