// A canvas as a component: sharp on any screen, drawn again when its size, its theme or what it shows changes.
import { isFinger, outside } from "./gestures.js";
import { html, useEffect, useRef } from "./lib.js";

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// props: draw(context, width, height) in CSS pixels; deps: when to draw again; height; label; onPoint(x, y) or
// onPoint(null) when a mouse leaves or a finger touches another place; onKey(event) -> whether the key was taken.
export function Canvas({ draw, deps, height, label, onPoint, onKey, className = "" }) {
  const canvas = useRef(), latest = useRef(draw), frame = useRef(0), point = useRef();
  latest.current = draw;
  point.current = onPoint;
  const paint = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      const at = canvas.current, ratio = Math.min(devicePixelRatio || 1, 3);
      if (!at || !at.clientWidth) return;
      const [width, high] = [at.clientWidth, at.clientHeight];
      const size = [Math.round(width * ratio), Math.round(high * ratio)];
      if (at.width !== size[0] || at.height !== size[1]) [at.width, at.height] = size;
      const context = at.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, high);
      latest.current(context, width, high);
    });
  };
  useEffect(paint, deps);
  useEffect(() => {
    const watcher = new ResizeObserver(paint);
    watcher.observe(canvas.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", paint);
    addEventListener("themechange", paint);
    return () => {
      watcher.disconnect();
      cancelAnimationFrame(frame.current);
      scheme.removeEventListener("change", paint);
      removeEventListener("themechange", paint);
    };
  }, []);
  const away = useRef(null);
  useEffect(() => () => away.current?.(), []);
  const move = (event) => {
    if (!onPoint) return;
    const box = canvas.current.getBoundingClientRect();
    onPoint(event.clientX - box.left, event.clientY - box.top, box.width, box.height);
    if (isFinger(event)) away.current ??= outside(canvas.current, () => ((away.current = null), point.current(null)));
  };
  return html`<canvas ref=${canvas} class=${className} style=${`height: ${height}px`} role="img" aria-label=${label} data-keys=${onKey ? "" : undefined}
    tabindex=${onKey ? 0 : undefined} onPointerMove=${move} onPointerDown=${move} onPointerLeave=${(event) => isFinger(event) || onPoint?.(null)}
    onKeyDown=${(event) => onKey?.(event) && (event.preventDefault(), event.stopPropagation())} />`;
}

// Round numbers within [low, high], about `count` of them.
export function ticks(low, high, count) {
  if (!(high > low) || !Number.isFinite(high - low)) return Number.isFinite(low) ? [low] : [];
  const raw = (high - low) / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((k) => k * power >= raw) * power;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9 && found.length < 50; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

// Labels are only so many that they keep apart.
export const labelsFor = (pixels, each = 70) => Math.max(2, Math.floor(pixels / each));

const channels = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));

// A colour between two given as #rrggbb: share 0 is the first.
export function mixed(first, second, share) {
  const [a, b] = [first, second].map((hex) => (/^#[0-9a-f]{6}$/i.test(hex) ? channels(hex) : [128, 128, 128]));
  return `rgb(${a.map((x, k) => Math.round(x + (b[k] - x) * share)).join()})`;
}

// The frame of a chart: x and y are {low, high, text(value)}; returns {X, Y, box}, functions from values to pixels.
export function frame(context, width, height, x, y, room = { left: 46, right: 10, top: 8, bottom: 22 }) {
  const box = { left: room.left, right: width - room.right, top: room.top, bottom: height - room.bottom };
  const X = (value) => box.left + ((value - x.low) / (x.high - x.low || 1)) * (box.right - box.left);
  const Y = (value) => box.bottom - ((value - y.low) / (y.high - y.low || 1)) * (box.bottom - box.top);
  Object.assign(context, { font: "11px system-ui", fillStyle: css("--muted"), strokeStyle: css("--grid"), lineWidth: 1 });
  context.beginPath();
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(y.low, y.high, labelsFor(box.bottom - box.top, 40))) {
    context.moveTo(box.left, Math.round(Y(value)) + 0.5);
    context.lineTo(box.right, Math.round(Y(value)) + 0.5);
    context.fillText(y.text(value), box.left - 6, Y(value));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  let before = "";
  for (const value of ticks(x.low, x.high, labelsFor(box.right - box.left))) {
    context.moveTo(Math.round(X(value)) + 0.5, box.top);
    context.lineTo(Math.round(X(value)) + 0.5, box.bottom);
    const text = x.text(value);
    if (text !== before) context.fillText(text, X(value), box.bottom + 6);
    before = text;
  }
  context.stroke();
  return { X, Y, box };
}

// A note beside the pointer, kept inside the box it stands in.
export function Tip({ x, width, children }) {
  const side = x > width / 2 ? `right: ${Math.max(0, width - x + 12)}px` : `left: ${x + 12}px`;
  return html`<div class="tip" style=${side}>${children}</div>`;
}
