// What the lines are at the cursor: below the card, and beside the cursor with all runs by their value.
import { html } from "../lib.js";
import { indexAt } from "../lines.js";
import { clock, duration, short } from "../numbers.js";

export function Legend({ columns, hover, xKind, wide, smooth }) {
  const most = wide ? 40 : 6;
  const rows = columns.slice(0, most).map(({ run, line, x, y, raw }) => {
    const at = hover ? indexAt(x, hover.x) : x.length - 1;
    const wall = line.wall[Math.min(at, line.wall.length - 1)];
    return html`<tr key=${run.name}>
      <td><i class="dot" style=${`background: ${run.colour}`}></i></td>
      <td class="name" title=${run.name}>${run.title}</td>
      ${smooth > 0 && html`<td class="n">${short(y[at])}</td>`}
      <td class="n ${smooth > 0 ? "faint" : ""}">${short(raw[at])}</td>
      <td class="n faint" title=${clock(wall)}>${xKind === "step" ? x[at] : duration(wall - line.first)}</td>
    </tr>`;
  });
  const rest = columns.length - most;
  return html`<table class="legend"><tbody>${rows}
    ${rest > 0 && html`<tr><td></td><td class="faint" colspan="4">and ${rest} more: make the card larger</td></tr>`}
  </tbody></table>`;
}

const LISTED = 12; // rows of a tooltip: the closest and its neighbours

// hover: {x, left, top, width, valueAt: pixels -> value}
export function Tooltip({ columns, hover, xKind, log }) {
  const rows = columns
    .map(({ run, x, y, line }) => {
      const at = indexAt(x, hover.x);
      return { run, value: y[at], x: x[at], wall: line.wall[Math.min(at, line.wall.length - 1)], first: line.first };
    })
    .filter(({ value }) => value !== undefined && value !== null)
    .sort((a, b) => (Number.isNaN(a.value) ? 1 : Number.isNaN(b.value) ? -1 : b.value - a.value));
  const size = (v) => (log ? Math.log(v) : v), cursor = size(hover.valueAt(hover.top));
  const away = rows.map(({ value }) => Math.abs(size(value) - cursor));
  const closest = away.reduce((best, d, i) => (d < (away[best] ?? Infinity) ? i : best), 0);
  const first = Math.max(0, Math.min(closest - LISTED / 2, rows.length - LISTED));
  const narrow = hover.width < 420;
  const beside = narrow ? "left: 0; right: 0; top: 100%; max-width: none" : hover.left > hover.width / 2 ? `right: ${hover.width - hover.left + 14}px` : `left: ${hover.left + 68}px`;
  const place = { step: (x) => `step ${x}`, relative: (_, row) => duration(row.wall - row.first), wall: (_, row) => clock(row.wall) };
  return html`<div class="tooltip" style=${narrow ? beside : `top: ${hover.top + 12}px; ${beside}`}><table><tbody>
    ${first > 0 && html`<tr class="faint"><td></td><td colspan="3">${first} above</td></tr>`}
    ${rows.slice(first, first + LISTED).map((row, k) => html`<tr key=${row.run.name} class=${first + k === closest ? "closest" : ""}>
      <td><i class="dot" style=${`background: ${row.run.colour}`}></i></td><td class="name">${row.run.title}</td>
      <td class="n">${short(row.value)}</td><td class="n faint">${place[xKind](row.x, row)}</td></tr>`)}
    ${rows.length > first + LISTED && html`<tr class="faint"><td></td><td colspan="3">${rows.length - first - LISTED} below</td></tr>`}
  </tbody></table></div>`;
}
