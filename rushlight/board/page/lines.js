// The points of one chart: a line for each run, with what the viewer does to them (smoothing, axes, outliers).
import { fromJson } from "./numbers.js";

// Exponential moving average, corrected for its start (as Adam's), so that the first points aren't drawn to 0.
// A point that stands for n others (`weights`, with their `means`) moves it as n points of that mean would.
export function smoothed(values, weight, weights, means) {
  if (weight <= 0) return values;
  const out = new Float64Array(values.length);
  let last = 0, left = 1; // what of the start is still in the average
  for (let i = 0; i < values.length; i++) {
    const x = means ? means[i] : values[i];
    if (!Number.isFinite(x)) {
      out[i] = values[i];
      continue;
    }
    const kept = weights ? weight ** weights[i] : weight;
    last = last * kept + (1 - kept) * x;
    left *= kept;
    out[i] = left < 1 ? last / (1 - left) : x;
  }
  return out;
}

export class Line {
  // first: the time of the run's first point; odd: {step, wall, value} of points that are no numbers.
  constructor(run, step, wall, value, weight = null, mean = null, first = wall[0], odd = null) {
    Object.assign(this, { run, step, wall, value, weight, mean, first, odd: odd ?? { step: [], wall: [], value: [] } });
  }
  // Points that came live; kept as they are, the server thins them when it is asked again.
  append(message) {
    const value = message.value.map(fromJson);
    this.step = joined(this.step, message.step);
    this.wall = joined(this.wall, message.wall.map(fromJson));
    this.value = joined(this.value, value);
    if (this.weight) this.weight = joined(this.weight, value.map(() => 1));
    if (this.mean) this.mean = joined(this.mean, value);
    value.forEach((x, i) => {
      if (Number.isFinite(x) || this.odd.step.length >= 100) return;
      for (const key of ["step", "wall"]) this.odd[key].push(message[key][i]);
      this.odd.value.push(x);
    });
  }
  x(kind, { step, wall } = this) {
    if (kind === "step") return step;
    if (kind === "wall") return wall;
    return Float64Array.from(wall, (t) => (t - this.first) / 3600);
  }
  // Where the points are that a later part of the run, begun again at a lower step, has taken the place of.
  superseded() {
    const { step } = this, old = [];
    let least = Infinity;
    for (let i = step.length - 1; i >= 0; i--) {
      if (step[i] >= least) old.push(i);
      least = Math.min(least, step[i]);
    }
    return old.reverse();
  }
}

function joined(first, second) {
  const out = new Float64Array(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}

const same = (a, b) => a === b || (a.length === b.length && a.every((x, i) => x === b[i]));

// uPlot's data: one x for all. Lines whose x agree are taken as they are, others joined.
export function aligned(join, columns) {
  const first = columns[0]?.[0] ?? [];
  if (columns.every(([x]) => same(x, first) && rising(x))) return [first, ...columns.map(([, y]) => y)];
  const lines = columns.map(([x, y]) => ordered(x, y));
  const points = lines.reduce((sum, [x]) => sum + x.length, 0);
  return points * lines.length > CELLS ? gridded(lines) : join(lines);
}

const CELLS = 3e6; // numbers that lines may take together when each has a place for every x of any
const SAMPLE = 40_000; // points of which the places of all are taken
const GOLDEN = (Math.sqrt(5) - 1) / 2; // its multiples, modulo 1, keep no step with lines that have x at the same places

// Many lines with x of their own: brought to the x closest of some thousand, spread as all x are.
function gridded(lines) {
  const grid = gridOf(lines, Math.max(300, Math.min(4000, Math.floor(CELLS / 2 / lines.length))));
  return [grid, ...lines.map(([x, y]) => snapped(x, y, grid))];
}

function gridOf(lines, most) {
  const points = lines.reduce((sum, [x]) => sum + x.length, 0), share = SAMPLE / points, some = [];
  let at = 0;
  for (const [x] of lines) {
    for (let i = 0; i < x.length; i++) if ((at++ * GOLDEN) % 1 < share || i === 0 || i === x.length - 1) some.push(x[i]);
  }
  const all = Array.from(new Set(Float64Array.from(some).sort()));
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, k) => all[Math.round((k * (all.length - 1)) / (most - 1))]);
}

// Of points that come to the same x, the one that is further from the line's point before: spikes stay.
function snapped(x, y, grid) {
  const out = new Array(grid.length).fill(null);
  let at = 0, taken = -1, before = 0;
  for (let i = 0; i < x.length; i++) {
    while (at + 1 < grid.length && Math.abs(grid[at + 1] - x[i]) <= Math.abs(grid[at] - x[i])) at++;
    if (y[i] === null) continue;
    if (at !== taken) [taken, before] = [at, taken < 0 ? y[i] : out[taken]];
    else if (Math.abs(y[i] - before) < Math.abs(out[at] - before)) continue;
    out[at] = y[i];
  }
  return out;
}

function rising(x) {
  for (let i = 1; i < x.length; i++) if (!(x[i] > x[i - 1])) return false;
  return true;
}

// Of points at the same place the last one counts.
function ordered(x, y) {
  if (rising(x)) return [x, y];
  const last = new Map();
  x.forEach((at, i) => last.set(at, y[i]));
  const xs = [...last.keys()].sort((a, b) => a - b);
  return [xs, xs.map((at) => last.get(at))];
}

// The range of y without the lowest and highest 5 %, if outliers are to be left out.
export function rangeOf(columns, withOutliers, log) {
  const good = (v) => v !== null && Number.isFinite(v) && (!log || v > 0);
  let low = Infinity, high = -Infinity;
  for (const y of columns) for (const v of y) if (good(v)) (low = Math.min(low, v)), (high = Math.max(high, v));
  if (low > high) return [log ? 0.1 : 0, 1];
  if (!withOutliers) {
    const sorted = Float64Array.from(columns.flatMap((y) => Array.from(y).filter(good))).sort(), cut = Math.floor(sorted.length * 0.05);
    [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  }
  if (log) return [low / 1.2, high * 1.2];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

// The index of the last point at or before x.
export function indexAt(xs, x) {
  let low = 0, high = xs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

const GRID = 400;

// The mean, the lowest and the highest of several lines ([x, y] each, x rising) on a grid over all of them.
export function band(lines) {
  const full = lines.filter(([x]) => x.length);
  const low = Math.min(...full.map(([x]) => x[0])), high = Math.max(...full.map(([x]) => x[x.length - 1]));
  const longest = full.reduce((most, [x]) => (x.length > most.length ? x : most), []);
  const grid = longest.length <= GRID && longest[0] === low && longest[longest.length - 1] === high
    ? Array.from(longest) : Array.from({ length: GRID }, (_, k) => low + ((high - low) * k) / (GRID - 1));
  const columns = { x: grid, mean: [], low: [], high: [] };
  for (const at of grid) {
    const values = full.map(([x, y]) => between(x, y, at)).filter(Number.isFinite);
    columns.mean.push(values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);
    columns.low.push(values.length ? Math.min(...values) : null);
    columns.high.push(values.length ? Math.max(...values) : null);
  }
  return columns;
}

function between(x, y, at) {
  if (at < x[0] || at > x[x.length - 1]) return NaN;
  const i = indexAt(x, at), k = Math.min(i + 1, x.length - 1);
  const part = x[k] > x[i] ? (at - x[i]) / (x[k] - x[i]) : 0;
  return part === 0 ? y[i] : y[i] + part * (y[k] - y[i]);
}
