// A trace as the page has it: columns of numbers, and for each row of a lane the events in it.
import { askPacked } from "../board.js";

export async function loadTrace(trace) {
  const { head, columns } = await askPacked("/api/trace", { trace }, (head) => head.columns.map(() => head.count));
  const column = Object.fromEntries(head.columns.map((name, k) => [name, columns[k]]));
  const { start, duration, depth, lane } = column;
  let end = 0;
  for (let k = 0; k < head.count; k++) end = Math.max(end, start[k] + duration[k]);
  return { ...head, column, end, lanes: inRows(head.lanes, lane, depth), text: (name, k) => head.texts[column[name][k]] };
}

// For each lane its rows: events of one depth, which come one after the other.
function inRows(names, lane, depth) {
  const lanes = names.map((name) => ({ name, rows: [] }));
  for (let k = 0; k < lane.length; k++) {
    const rows = lanes[lane[k]].rows;
    while (rows.length <= depth[k]) rows.push([]);
    rows[depth[k]].push(k);
  }
  lanes.forEach((one) => (one.rows = one.rows.map((row) => Int32Array.from(row))));
  return lanes.filter(({ rows }) => rows.length);
}

// The place in a row of the last event that begins at or before a time; -1 if none does.
export function before(row, start, time) {
  let low = -1, high = row.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (start[row[middle]] <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

// Microseconds as people read them.
export function time(us, digits = 3) {
  const size = Math.abs(us);
  const [x, unit] = size >= 1e6 ? [us / 1e6, "s"] : size >= 1e3 ? [us / 1e3, "ms"] : size >= 1 || size === 0 ? [us, "µs"] : [us * 1e3, "ns"];
  return `${Number(x.toPrecision(Math.max(digits, String(Math.trunc(Math.abs(x))).length)))} ${unit}`;
}

export function bytes(n) {
  for (const [size, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) if (n >= size) return `${Number((n / size).toPrecision(3))} ${unit}`;
  return `${n} B`;
}

// A colour for each op; a step backward has that of its op.
const hues = new Map();
export function hue(name) {
  if (!hues.has(name)) {
    const text = name.replace(/(_?backward\d*|^aten::|^grad_)/gi, "").toLowerCase();
    let hash = 7;
    for (let k = 0; k < text.length; k++) hash = (hash * 31 + text.charCodeAt(k)) >>> 0;
    hues.set(name, (hash * 47) % 360);
  }
  return hues.get(name);
}
export const isRange = (cat) => /annotation|python_function|^plan$|^range$/.test(cat);
