// Histograms over time: ridges one behind the other or one over the other, or bands of percentiles.
import { css, frame, labelsFor, mixed, ticks } from "./canvas.js";
import { duration, short } from "./numbers.js";

export class Histograms {
  constructor({ head, columns: [step, wall, total, bands, counts] }) {
    Object.assign(this, { ...head, step, wall, total, counts });
    this.quantiles = bands;
    this.most = counts.reduce((a, b) => (b > a ? b : a), 0) || 1;
    this.count = step.length;
  }
  x(k) {
    return this.low + ((this.high - this.low) * (k + 0.5)) / this.bins;
  }
  edges(bin) {
    const width = (this.high - this.low) / this.bins;
    return [this.low + bin * width, this.low + (bin + 1) * width];
  }
  at(i, bin) {
    return this.counts[i * this.bins + bin];
  }
  band(i, k) {
    return this.quantiles[i * this.bands + k];
  }
  // When a histogram was made, on the axis chosen: step, seconds since the first, or seconds since 1970.
  time(i, kind) {
    return kind === "step" ? this.step[i] : kind === "wall" ? this.wall[i] : this.wall[i] - this.wall[0];
  }
}

export const timeText = (kind) => (value) =>
  kind === "step" ? short(value) : kind === "wall" ? new Date(value * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : duration(Math.max(0, value));

const ROOM = { left: 12, right: 58, top: 10, bottom: 24 };

// Where the ridges stand: X of a bin, Y of a count in a histogram, and the base line of each.
export function places(data, width, height, overlay, kind) {
  const room = overlay ? { ...ROOM, left: 50, right: 14 } : ROOM;
  const box = { left: room.left, right: width - room.right, top: room.top, bottom: height - room.bottom };
  const high = (box.bottom - box.top) * (overlay ? 1 : data.count > 1 ? 0.4 : 0.9);
  const [first, last] = [data.time(0, kind), data.time(data.count - 1, kind)];
  const span = last - first;
  const share = (i) => (span > 0 ? Math.min(1, Math.max(0, (data.time(i, kind) - first) / span)) : data.count > 1 ? i / (data.count - 1) : 1);
  const base = (i) => (overlay ? box.bottom : box.top + high + share(i) * (box.bottom - box.top - high));
  return {
    box, base,
    X: (value) => box.left + ((value - data.low) / (data.high - data.low)) * (box.right - box.left),
    Y: (i, bin) => base(i) - (data.at(i, bin) / data.most) * high,
    high,
  };
}

// The outline of a ridge, without the flat ends at which nothing is.
function outline(context, data, place, i) {
  let first = 0, last = data.bins - 1;
  while (first < last && !data.at(i, first)) first++;
  while (last > first && !data.at(i, last)) last--;
  context.beginPath();
  context.moveTo(first ? place.X(data.x(first - 1)) : place.box.left, place.base(i));
  for (let bin = first; bin <= last; bin++) context.lineTo(place.X(data.x(bin)), place.Y(i, bin));
  context.lineTo(last < data.bins - 1 ? place.X(data.x(last + 1)) : place.box.right, place.base(i));
}

function axis(context, data, place, overlay, kind) {
  const { box } = place;
  Object.assign(context, { font: "11px system-ui", fillStyle: css("--muted"), strokeStyle: css("--grid"), lineWidth: 1, textAlign: "center", textBaseline: "top" });
  context.beginPath();
  for (const value of ticks(data.low, data.high, labelsFor(box.right - box.left))) {
    context.moveTo(Math.round(place.X(value)) + 0.5, box.top);
    context.lineTo(Math.round(place.X(value)) + 0.5, box.bottom);
    context.fillText(short(value), place.X(value), box.bottom + 7);
  }
  context.stroke();
  context.textBaseline = "middle";
  context.textAlign = overlay ? "right" : "left";
  if (overlay) for (const value of ticks(0, data.most, labelsFor(place.high, 40))) context.fillText(short(value), box.left - 6, box.bottom - (value / data.most) * place.high);
  else labelTimes(context, data, place, kind);
}

// Times beside their ridges, as many as keep apart.
function labelTimes(context, data, place, kind) {
  const text = timeText(kind);
  let below = Infinity, before = "";
  for (let i = data.count - 1; i >= 0; i--) {
    if (below - place.base(i) < 17) continue;
    const label = text(data.time(i, kind));
    if (label === before) continue;
    [below, before] = [place.base(i), label];
    context.fillText(label, place.box.right + 7, below);
  }
}

// hover: {i, bin} or null.
export function drawRidges(context, width, height, data, colour, { overlay, kind, hover }) {
  const place = places(data, width, height, overlay, kind);
  axis(context, data, place, overlay, kind);
  const panel = css("--panel");
  context.lineJoin = "round";
  for (let i = 0; i < data.count; i++) {
    const age = data.count > 1 ? i / (data.count - 1) : 1;
    outline(context, data, place, i);
    if (overlay) {
      Object.assign(context, { strokeStyle: mixed(panel, colour, 0.25 + 0.75 * age), lineWidth: 1, globalAlpha: 0.8 });
    } else {
      context.fillStyle = mixed(panel, colour, 0.35 + 0.6 * age);
      context.fill();
      Object.assign(context, { strokeStyle: panel, lineWidth: data.count > 120 ? 0.35 : 0.9 });
    }
    context.stroke();
    context.globalAlpha = 1;
  }
  if (hover) highlight(context, data, place, hover);
}

function highlight(context, data, place, { i, bin }) {
  outline(context, data, place, i);
  Object.assign(context, { strokeStyle: css("--text"), lineWidth: 1.6 });
  context.stroke();
  context.beginPath();
  context.arc(place.X(data.x(bin)), place.Y(i, bin), 3.5, 0, 7);
  context.fillStyle = css("--text");
  context.fill();
}

// The ridge and the bin under the pointer: the nearest outline at its x.
export function ridgeAt(data, x, y, width, height, overlay, kind) {
  const place = places(data, width, height, overlay, kind);
  const bin = Math.max(0, Math.min(data.bins - 1, Math.floor(((x - place.box.left) / (place.box.right - place.box.left)) * data.bins)));
  let best = 0;
  for (let i = 1; i < data.count; i++) if (Math.abs(place.Y(i, bin) - y) <= Math.abs(place.Y(best, bin) - y)) best = i;
  return { i: best, bin, x: place.X(data.x(bin)) };
}

// -- bands ----------------------------------------------------------------------------------------

const finite = (data) => Array.from({ length: data.count }, (_, i) => i).filter((i) => Number.isFinite(data.band(i, 0)));

function scales(data, kind) {
  const which = finite(data), times = which.map((i) => data.time(i, kind));
  const low = Math.min(...which.map((i) => data.band(i, 0))), high = Math.max(...which.map((i) => data.band(i, data.bands - 1)));
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return { which, x: { low: first, high: last > first ? last : first + 1, text: timeText(kind) }, y: { low: low - room, high: high + room, text: short } };
}

export function drawBands(context, width, height, data, colour, { kind, hover }) {
  const { which, x, y } = scales(data, kind);
  if (!which.length) return;
  const { X, Y, box } = frame(context, width, height, x, y);
  const at = (i, k) => [which.length > 1 ? X(data.time(i, kind)) : (box.left + box.right) / 2, Y(data.band(i, k))];
  context.fillStyle = colour;
  for (let k = 0; k < Math.floor(data.bands / 2); k++) {
    context.globalAlpha = 0.2;
    context.beginPath();
    which.forEach((i) => context.lineTo(...at(i, k)));
    which.toReversed().forEach((i) => context.lineTo(...at(i, data.bands - 1 - k)));
    context.fill();
  }
  context.globalAlpha = 1;
  for (const k of which.length > 1 ? [0, (data.bands - 1) / 2, data.bands - 1] : []) {
    context.beginPath();
    which.forEach((i) => context.lineTo(...at(i, k)));
    Object.assign(context, { strokeStyle: colour, lineWidth: k === (data.bands - 1) / 2 ? 1.8 : 0.8 });
    context.stroke();
  }
  if (which.length === 1) drawBox(context, at, which[0], data, colour);
  if (hover && Number.isFinite(data.band(hover.i, 0))) {
    context.beginPath();
    context.moveTo(at(hover.i, 0)[0], box.top);
    context.lineTo(at(hover.i, 0)[0], box.bottom);
    Object.assign(context, { strokeStyle: css("--text"), lineWidth: 1 });
    context.stroke();
  }
}

// One step alone has no width: its bands as a box.
function drawBox(context, at, i, data, colour) {
  context.globalAlpha = 0.3;
  for (let k = 0; k < Math.floor(data.bands / 2); k++) {
    const [x, low] = at(i, k), [, high] = at(i, data.bands - 1 - k);
    context.fillRect(x - 6 - 6 * k, high, 12 + 12 * k, low - high);
  }
  context.globalAlpha = 1;
  context.fillRect(at(i, 4)[0] - 30, at(i, 4)[1] - 1, 60, 2);
}

export function bandAt(data, x, width, kind) {
  const { which, x: axis } = scales(data, kind);
  if (!which.length) return null;
  const time = axis.low + ((x - 46) / (width - 56)) * (axis.high - axis.low);
  const best = which.reduce((a, b) => (Math.abs(data.time(b, kind) - time) < Math.abs(data.time(a, kind) - time) ? b : a));
  return { i: best, bin: 0, x };
}
