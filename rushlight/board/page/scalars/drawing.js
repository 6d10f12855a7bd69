// What a card draws, from lines and settings: uPlot's data, the look of each series, bands and marks.
import uPlot from "uplot";
import { aligned, band, smoothed } from "../lines.js";

const positive = (y) => Array.from(y, (v) => (v > 0 ? v : null));
const finite = (y) => Array.from(y, (v) => (Number.isFinite(v) ? v : null));

// {run, line, x, y (smoothed), raw, old: [x, y] of points that a restart has made void, odd: marks}
export function columnOf(run, line, { smooth, xKind, logX }) {
  let x = line.x(xKind), raw = line.value, y = smoothed(line.value, smooth, line.weight, line.mean);
  let old = [[], []];
  const void_ = xKind === "step" ? line.superseded() : [];
  if (void_.length) {
    const gone = new Set(void_), stays = (_, i) => !gone.has(i);
    old = [void_.map((i) => x[i]).sort((a, b) => a - b), void_.toSorted((a, b) => x[a] - x[b]).map((i) => raw[i])];
    [x, raw, y] = [x, raw, y].map((column) => column.filter(stays));
  }
  if (logX) {
    const keep = (_, i) => x[i] > 0;
    [raw, y] = [raw, y].map((column) => column.filter(keep));
    x = x.filter((v) => v > 0);
  }
  const marks = line.x(xKind, { step: line.odd.step, wall: line.odd.wall });
  const odd = Array.from(marks, (at, i) => ({ x: at, value: line.odd.value[i], colour: run.colour }));
  return { run, line, x, y, raw, old, odd };
}

// More lines than this have one pixel of the screen: without a GPU browsers draw such hairlines many times as fast,
// and where hundreds cross wider ones hide each other.
const WIDE = 60;
const widthOf = (lines) => (lines > WIDE ? 1 / (devicePixelRatio || 1) : undefined);

// Lines for each run, what was measured faint behind what is smoothed.
export function plain(columns, { smooth, log }) {
  const clean = log ? positive : finite;
  const shadows = columns.filter(({ old }) => old[0].length);
  const faint = smooth > 0 ? columns : [];
  const pairs = [
    ...shadows.map(({ old }) => [old[0], clean(old[1])]),
    ...faint.map(({ x, raw }) => [x, clean(raw)]),
    ...columns.map(({ x, y }) => [x, clean(y)]),
  ];
  const width = widthOf(columns.length);
  const look = (run, more) => ({ label: run.title, colour: run.colour, width, ...more });
  const lines = [
    ...[...shadows, ...faint].map(({ run }) => look(run, { faint: true, width: width ?? 1 })),
    ...columns.map(({ run }) => look(run)),
  ];
  return { data: aligned(uPlot.join, pairs), lines, bands: undefined, first: shadows.length + faint.length };
}

// For each group of runs their mean, and the band between the lowest and the highest.
export function grouped(columns, { log }) {
  const groups = new Map();
  columns.forEach((one) => groups.set(one.run.group, [...(groups.get(one.run.group) ?? []), one]));
  const clean = log ? positive : finite;
  const pairs = [], lines = [], bands = [];
  for (const [name, members] of groups) {
    const { x, mean, low, high } = band(members.map((one) => [one.x, one.y]));
    const colour = members[0].run.colour, label = `${name || "others"} (${members.length})`;
    bands.push([lines.length + 1, lines.length + 2, colour]);
    lines.push({ label, colour, width: 0, faint: true }, { label, colour, width: 0, faint: true }, { label, colour, width: 2 });
    pairs.push([x, clean(high)], [x, clean(low)], [x, clean(mean)]);
  }
  return { data: aligned(uPlot.join, pairs), lines, bands, first: 0 };
}
