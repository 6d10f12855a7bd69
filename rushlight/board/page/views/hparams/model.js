// The table of hyperparameters and metrics: its columns, their scales, the filters, the order.
import { fromJson } from "../../numbers.js";

// {key, name, title, kind: "hparam" | "metric", type: "number" | "string" | "bool", at, tag, group}
export function columnsOf(table) {
  const hparams = table.hparams.map((c, at) => ({ ...c, key: "h:" + c.name, title: c.title || c.name, kind: "hparam", at }));
  const metrics = table.metrics.map((c, at) => ({ ...c, key: "m:" + c.name, title: c.title || c.name, kind: "metric", type: "number", at }));
  return [...hparams, ...metrics];
}

// null: the row has none.
export function valueOf(row, column) {
  const value = (column.kind === "hparam" ? row.hparams : row.metrics)[column.at] ?? null;
  return value !== null && column.type === "number" ? fromJson(value) : value;
}

// Which columns are shown at first: hyperparameters that differ, then the metrics that were named, or the first few.
export function usualColumns(table, columns, rows) {
  const differs = (c) => new Set(rows.map((row) => valueOf(row, c))).size > 1;
  const hparams = columns.filter((c) => c.kind === "hparam");
  const first = hparams.filter(differs).slice(0, 8);
  const metrics = columns.filter((c) => c.kind === "metric" && rows.some((row) => valueOf(row, c) !== null));
  return [...(first.length ? first : hparams.slice(0, 8)), ...metrics.slice(0, first.length ? 3 : 5)].map((c) => c.key);
}

// Whether a column's numbers are all positive and far apart: then its axis is logarithmic at first.
export function spansDecades(rows, column) {
  if (column.type !== "number") return false;
  let [low, high] = [Infinity, 0];
  for (const row of rows) {
    const x = valueOf(row, column);
    if (x !== null && Number.isFinite(x)) [low, high] = [Math.min(low, x), Math.max(high, x)];
  }
  return low > 0 && high >= 100 * low;
}

const finite = (x) => typeof x === "number" && Number.isFinite(x);

// A scale: at(value) in 0..1 or null, value(at), ticks [{at, text}]; of numbers, or of a list of texts.
export function scaleOf(rows, column, log) {
  return column.type === "number" ? numbersOf(rows, column, log) : textsOf(rows, column);
}

function numbersOf(rows, column, wantsLog) {
  const all = rows.map((row) => valueOf(row, column)).filter(finite);
  const positive = all.filter((x) => x > 0);
  const log = wantsLog && positive.length > 0;
  let [low, high] = [Infinity, -Infinity];
  for (const x of log ? positive : all) [low, high] = [Math.min(low, x), Math.max(high, x)];
  if (low > high) [low, high] = [0, 1];
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) / 2 || 0.5), high + (Math.abs(high) / 2 || 0.5)];
  const [f, g] = log ? [Math.log10, (x) => 10 ** x] : [(x) => x, (x) => x];
  const [a, b] = [f(low), f(high)];
  const at = (x) => (!finite(x) || (log && x <= 0) ? null : (f(x) - a) / (b - a));
  const value = (place) => g(a + place * (b - a));
  return { kind: "number", low, high, log, canLog: positive.length > 0, at, value, ticks: (fewOf(all, at) ?? ticksOf(a, b, g, log)).map((x) => ({ at: at(x), value: x })) };
}

// The numbers themselves where they are few, and far enough apart to be read.
function fewOf(all, at) {
  const values = [...new Set(all)].filter((x) => at(x) !== null).sort((a, b) => a - b);
  return values.length <= 6 && values.every((x, k) => k === 0 || at(x) - at(values[k - 1]) > 0.05) ? values : null;
}

function ticksOf(a, b, g, log) {
  if (log && b - a >= 1) {
    const every = Math.ceil((b - a) / 6), found = [];
    for (let k = Math.ceil(a - 1e-9); k <= b + 1e-9; k += every) found.push(10 ** k);
    return found;
  }
  const [low, high] = [g(a), g(b)];
  const rough = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((k) => k * unit >= rough) ?? 10), found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

const TEXTS = 40; // places on an axis of texts; rarer ones share the last

function textsOf(rows, column) {
  const counts = new Map();
  rows.forEach((row) => {
    const value = valueOf(row, column);
    if (value !== null) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  });
  const texts = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a)).slice(0, TEXTS).sort();
  const places = new Map(texts.map((text, k) => [text, (k + 0.5) / texts.length]));
  const at = (value) => (value === null ? null : (places.get(String(value)) ?? 1));
  return { kind: "text", texts, at, value: (place) => place, ticks: texts.map((text) => ({ at: places.get(text), value: text })) };
}

// -- filters: {key: [low, high]} for numbers, {key: {only: [texts]}} for others ------------------------

export function readFilters(text) {
  try {
    const found = JSON.parse(text || "{}");
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

export const isRange = (filter) => Array.isArray(filter) && filter.length === 2;

export function passes(row, column, filter) {
  const value = valueOf(row, column);
  if (isRange(filter)) return finite(value) && value >= (filter[0] ?? -Infinity) && value <= (filter[1] ?? Infinity);
  return !Array.isArray(filter?.only) || filter.only.includes(String(value));
}

export function tester(columns, filters) {
  const active = columns.filter((c) => c.key in filters);
  return (row) => active.every((c) => passes(row, c, filters[c.key]));
}

// -- order -----------------------------------------------------------------------------------------------

const collator = new Intl.Collator(undefined, { numeric: true });

// Rows by a column, "-key" falling; those without a value, or with NaN, come last either way.
export function sorted(rows, columns, sort) {
  const falling = sort.startsWith("-"), key = falling ? sort.slice(1) : sort;
  const column = columns.find((c) => c.key === key);
  const value = key === "name" ? (row) => row.name : column && ((row) => valueOf(row, column));
  if (!value) return rows;
  const without = (x) => x === null || Number.isNaN(x);
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b)));
  return rows
    .map((row) => [value(row), row])
    .sort(([a], [b]) => without(a) - without(b) || (without(a) ? 0 : falling ? compare(b, a) : compare(a, b)))
    .map(([, row]) => row);
}
