// Scatter matrix: every pair of the columns shown, a point for each row.
import { isFinger } from "../../gestures.js";
import { html, useMemo, useState } from "../../lib.js";
import { Canvas, css } from "../canvas.js";
import { scaleOf, valueOf } from "./model.js";

const MOST = 6; // columns
const PAD = 10;

export function Matrix({ rows, columns, tests, logs, colour, hovered, setHovered }) {
  const chosen = columns.slice(-MOST);
  const [size, setSize] = useState(600);
  const scales = useMemo(() => chosen.map((c) => scaleOf(rows, c, logs.has(c.key))), [rows, columns, logs]);
  const places = useMemo(() => rows.map((row) => chosen.map((c, k) => scales[k].at(valueOf(row, c)))), [rows, columns, scales]);
  const cell = size / chosen.length, high = Math.min(cell, 170);
  const spot = (line, a, b) => [a * cell + PAD + line[a] * (cell - 2 * PAD), b * high + PAD + (1 - line[b]) * (high - 2 * PAD)];

  const draw = (context, width) => {
    chosen.forEach((c, b) => chosen.forEach((_, a) => {
      context.strokeStyle = css("--line");
      context.strokeRect(a * cell + 3, b * high + 3, cell - 6, high - 6);
      if (a === b) title(context, c, a, b);
    }));
    const faint = css("--line");
    const order = rows.map((_, i) => i).sort((i, j) => tests[i] - tests[j]);
    for (const i of order) {
      context.fillStyle = tests[i] ? colour(rows[i]) : faint;
      context.globalAlpha = tests[i] ? 0.8 : 0.6;
      eachCell(places[i], (a, b) => context.fillRect(...spot(places[i], a, b).map((x) => x - 1.7), 3.4, 3.4));
    }
    context.globalAlpha = 1;
    const marked = rows.findIndex((row) => row.id === hovered);
    if (marked < 0) return;
    context.strokeStyle = css("--text");
    context.lineWidth = 2;
    eachCell(places[marked], (a, b) => {
      context.beginPath();
      context.arc(...spot(places[marked], a, b), 5, 0, 6.3);
      context.stroke();
    });
  };
  const title = (context, column, a, b) => {
    context.fillStyle = css("--text");
    context.font = "600 12px system-ui";
    context.textAlign = "center";
    context.fillText(clipped(context, column.title, cell - 20), (a + 0.5) * cell, (b + 0.5) * high + 4, cell - 16);
  };
  const eachCell = (line, visit) =>
    line.forEach((pa, a) => pa !== null && line.forEach((pb, b) => pb !== null && a !== b && visit(a, b)));
  const find = (event) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top], a = Math.floor(x / cell), b = Math.floor(y / high);
    let best = null, least = isFinger(event) ? 400 : 100;
    if (a !== b && a < chosen.length && b < chosen.length)
      places.forEach((line, i) => {
        if (!tests[i] || line[a] == null || line[b] == null) return;
        const [px, py] = spot(line, a, b), far = (px - x) ** 2 + (py - y) ** 2;
        if (far < least) [best, least] = [i, far];
      });
    setHovered(best === null ? null : rows[best].id);
  };
  if (chosen.length < 2) return html`<p class="none">A scatter matrix needs two columns: choose more.</p>`;
  return html`<div class="matrix" onPointerMove=${find} onPointerDown=${find} onPointerLeave=${(e) => isFinger(e) || setHovered(null)}>
    <${Canvas} label=${`Scatter matrix of ${chosen.map((c) => c.title).join(", ")}`} draw=${draw} onSize=${setSize}
      style=${`height: ${high * chosen.length}px`} />
    ${columns.length > MOST && html`<p class="faint">The last ${MOST} of the columns shown.</p>`}
  </div>`;
}

function clipped(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(text.slice(0, end) + "…").width > width) end--;
  return text.slice(0, end) + "…";
}
