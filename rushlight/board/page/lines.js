// The points of one chart: a line for each run, with what the viewer does to them (smoothing, axes, outliers).
import { fromJson } from "./numbers.js";

// Exponential moving average, corrected for its start (as Adam's), so that the first points aren't drawn to 0.
export function smoothed(values, weight) {
  if (weight <= 0) return values;
  const out = new Float64Array(values.length);
  let last = 0, count = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i];
    if (!Number.isFinite(x)) {
      out[i] = x;
      continue;
    }
    last = last * weight + (1 - weight) * x;
    count++;
    out[i] = last / (1 - weight ** count);
  }
  return out;
}

export class Line {
  constructor(run, step, wall, value) {
    Object.assign(this, { run, step, wall, value });
  }
  // Points that came live; kept as they are, the server thins them when it is asked again.
  append(message) {
    this.step = joined(this.step, message.step);
    this.wall = joined(this.wall, message.wall);
    this.value = joined(this.value, message.value.map(fromJson));
  }
  x(kind) {
    if (kind === "step") return this.step;
    if (kind === "wall") return this.wall;
    const first = this.wall[0];
    return this.wall.map((t) => (t - first) / 3600);
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
  return join(columns.map(([x, y]) => ordered(x, y)));
}

function rising(x) {
  for (let i = 1; i < x.length; i++) if (!(x[i] > x[i - 1])) return false;
  return true;
}

// A run that began again has steps twice; the later one counts.
function ordered(x, y) {
  if (rising(x)) return [x, y];
  const last = new Map();
  x.forEach((at, i) => last.set(at, y[i]));
  const xs = [...last.keys()].sort((a, b) => a - b);
  return [xs, xs.map((at) => last.get(at))];
}

// The range of y without the lowest and highest 5 %, if outliers are to be left out.
export function rangeOf(columns, withOutliers, log) {
  const all = columns.flatMap((y) => Array.from(y)).filter((v) => Number.isFinite(v) && (!log || v > 0));
  if (!all.length) return [log ? 0.1 : 0, 1];
  all.sort((a, b) => a - b);
  const cut = withOutliers ? 0 : Math.floor(all.length * 0.05);
  const [low, high] = [all[cut], all[all.length - 1 - cut]];
  if (log) return [low / 1.2, high * 1.2];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}
