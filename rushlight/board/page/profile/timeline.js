// The timeline: a canvas with a band for each thread or stream. Drag moves, the wheel and two fingers zoom.
import { follow } from "../gestures.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { before, bytes, hue, isRange, time } from "./trace.js";

const ROW = 19, HEAD = 20, AXIS = 24, GAP = 8, TALLEST = 430;
const SHORTEST = 0.02; // microseconds that the whole width may show

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isDark = () => {
  const { theme } = document.documentElement.dataset;
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
};

// Steps of 1, 2 and 5 that lie at least so many pixels apart.
function tickStep(span, width) {
  const rough = (span / width) * 110, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((k) => k * power).find((step) => step >= rough);
}

class Drawing {
  constructor(canvas, trace) {
    Object.assign(this, { canvas, trace, a: 0, b: trace.end || 1, top: 0, hover: -1, selected: -1, span: null });
    this.bands = [];
    let y = AXIS;
    for (const lane of trace.lanes) {
      this.bands.push({ lane, y });
      y += HEAD + lane.rows.length * ROW + GAP;
    }
    this.full = y;
    this.resize();
  }

  get width() {
    return this.canvas.clientWidth;
  }

  resize() {
    const height = Math.min(this.full, TALLEST), ratio = devicePixelRatio || 1;
    this.canvas.style.height = `${height}px`;
    this.canvas.style.touchAction = this.full > TALLEST ? "none" : "pan-y"; // where there is nothing to scroll, a finger scrolls the page
    Object.assign(this.canvas, { width: Math.round(this.width * ratio), height: Math.round(height * ratio) });
    this.height = height;
    this.later();
  }

  later() {
    this.frame ??= requestAnimationFrame(() => ((this.frame = null), this.draw()));
  }

  look(a, b) {
    const span = Math.min(Math.max(b - a, SHORTEST), this.trace.end * 1.1 || 1), slack = span * 0.5;
    this.a = Math.min(Math.max(a, -slack), Math.max(this.trace.end - slack, -slack));
    this.b = this.a + span;
    this.later();
    this.onLook?.(this.a, this.b);
  }

  move(dx, dy) {
    const shift = (dx / this.width) * (this.b - this.a);
    this.top = Math.min(Math.max(this.top - dy, 0), this.full - this.height);
    this.look(this.a - shift, this.b - shift);
  }

  zoom(factor, x = this.width / 2) {
    const at = this.a + (x / this.width) * (this.b - this.a), span = Math.min(Math.max((this.b - this.a) / factor, SHORTEST), this.trace.end * 1.1 || 1);
    this.look(at - (x / this.width) * span, at + (1 - x / this.width) * span);
  }

  // The event at a point of the canvas, -1 for none.
  at(x, y) {
    const { start, duration } = this.trace.column, row = this.rowAt(y);
    if (!row) return -1;
    const scale = (this.b - this.a) / this.width, moment = this.a + x * scale;
    const place = before(row, start, moment + 2 * scale);
    for (let k = place; k >= Math.max(0, place - 1); k--)
      if (start[row[k]] + duration[row[k]] >= moment - 2 * scale) return row[k];
    return -1;
  }

  rowAt(y) {
    if (y < AXIS) return null;
    for (const band of this.bands) {
      const row = Math.floor((y + this.top - band.y - HEAD) / ROW);
      if (row >= 0 && row < band.lane.rows.length) return band.lane.rows[row];
    }
    return null;
  }

  draw() {
    const context = this.canvas.getContext("2d"), ratio = devicePixelRatio || 1, { width, height } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    this.colours = { muted: css("--muted"), grid: css("--grid"), text: css("--text"), accent: css("--accent"), panel: css("--panel"), dark: isDark() };
    if (this.span) this.drawSpan(context);
    this.drawTicks(context);
    for (const { lane, y } of this.bands) this.drawLane(context, lane, y - this.top);
    context.fillStyle = this.colours.panel;
    context.fillRect(0, 0, width, AXIS - 4);
    this.drawTimes(context);
  }

  x(moment) {
    return ((moment - this.a) / (this.b - this.a)) * this.width;
  }

  drawSpan(context) {
    const [a, b] = this.span.map((moment) => this.x(moment));
    context.fillStyle = this.colours.accent + "14";
    context.fillRect(a, AXIS, b - a, this.height);
  }

  ticks() {
    const step = tickStep(this.b - this.a, this.width), found = [];
    for (let k = Math.ceil(this.a / step); k * step <= this.b; k++) found.push(k * step);
    return found;
  }

  drawTicks(context) {
    context.fillStyle = this.colours.grid;
    for (const tick of this.ticks()) context.fillRect(Math.round(this.x(tick)), AXIS - 6, 1, this.height);
  }

  drawTimes(context) {
    context.fillStyle = this.colours.muted;
    context.textAlign = "left";
    for (const tick of this.ticks()) {
      const text = time(tick, 6), x = this.x(tick) + 4;
      if (x + context.measureText(text).width < this.width) context.fillText(text, x, 10);
    }
  }

  drawLane(context, lane, y) {
    if (y > this.height || y + HEAD + lane.rows.length * ROW < AXIS) return;
    context.fillStyle = this.colours.muted;
    context.fillText(lane.name, 6, y + HEAD / 2);
    lane.rows.forEach((row, depth) => {
      const top = y + HEAD + depth * ROW;
      if (top < this.height && top + ROW > AXIS) this.drawRow(context, row, top);
    });
  }

  // Events that fall on one pixel are drawn once: the time it takes follows the pixels, not the events.
  drawRow(context, row, top) {
    const { start, duration, name, cat } = this.trace.column, { texts } = this.trace, { a, b, width } = this;
    const scale = width / (b - a);
    let filled = -1;
    for (let k = Math.max(0, before(row, start, a)); k < row.length; k++) {
      const event = row[k], left = (start[event] - a) * scale;
      if (left > width) break;
      const right = left + duration[event] * scale;
      if (right < 0 || (right < filled && event !== this.selected)) continue;
      const x = Math.max(left, 0, Math.min(filled, right)), wide = Math.max(Math.min(right, width) - x, 0.6);
      filled = right - left < 1 ? Math.floor(left) + 1 : right;
      const text = texts[name[event]];
      context.fillStyle = this.fill(text, texts[cat[event]]);
      context.fillRect(x, top, wide > 2 ? wide - 0.6 : wide, ROW - 2);
      if (wide > 26) this.label(context, text, x, wide, top);
      if (event === this.selected || event === this.hover) {
        context.strokeStyle = event === this.selected ? this.colours.accent : this.colours.text;
        context.lineWidth = event === this.selected ? 2 : 1;
        context.strokeRect(x + 0.5, top + 0.5, Math.max(wide - 1, 1), ROW - 3);
      }
    }
  }

  fill(text, cat) {
    const { dark } = this.colours;
    if (isRange(cat)) return dark ? "#3b434b" : "#d9dde1";
    return `hsl(${hue(text)} ${dark ? "38% 38%" : "58% 76%"})`;
  }

  label(context, text, x, wide, top) {
    const most = Math.floor((wide - 8) / 6);
    context.fillStyle = this.colours.text;
    context.fillText(text.length > most ? text.slice(0, Math.max(most - 1, 1)) + "…" : text, x + 4, top + ROW / 2 - 0.5);
  }
}

export function Event({ trace, event }) {
  const { start, duration, own, bytes: moved } = trace.column, say = (name) => trace.text(name, event);
  const rows = [
    ["took", time(duration[event], 4)],
    own[event] < duration[event] - 0.001 && ["itself", time(own[event], 4)],
    ["at", time(start[event], 7)],
    say("line") && ["line", say("line")],
    say("module") && ["module", say("module")],
    say("node") && ["node", say("node")],
    say("shapes") && ["inputs", say("shapes")],
    moved[event] > 0 && ["moved", `${bytes(moved[event])}, ${Number((moved[event] / Math.max(own[event], 1e-3) / 1000).toPrecision(3))} GB/s`],
  ].filter(Boolean);
  return html`<b>${say("name")}</b><dl>${rows.map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`)}</dl>`;
}

const STEPS = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], a: [80, 0], d: [-80, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
const FACTORS = { "+": 1.5, "=": 1.5, w: 1.5, "-": 1 / 1.5, s: 1 / 1.5 };

function press(event, drawing, on) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (STEPS[event.key]) drawing.move(...STEPS[event.key]);
  else if (FACTORS[event.key]) drawing.zoom(FACTORS[event.key]);
  else if (event.key === "0") on.fit();
  else if (event.key === "n" || event.key === "p") on.next(event.key === "n" ? 1 : -1);
  else if (event.key === "Enter") on.zoomTo(drawing.selected);
  else if (event.key === "Escape") on.select(-1);
  else return;
  event.preventDefault();
}

function listenTo(element, drawing, on) {
  const keydown = (event) => press(event, drawing, on);
  const wheel = (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) drawing.move(-(event.deltaX || event.deltaY), 0);
    else drawing.zoom(Math.exp(-Math.min(Math.max(event.deltaY, -120), 120) / 300), event.clientX - element.getBoundingClientRect().left);
  };
  const stop = follow(element, {
    hover: (x, y) => on.hover(drawing.at(x, y), [x, y]),
    leave: () => on.hover(-1, [0, 0]),
    drag: (dx, dy) => drawing.move(dx, dy),
    pinch: (now, before) => (drawing.zoom(now.wide / before.wide, before.x), drawing.move(now.x - before.x, now.y - before.y)),
    tap: (x, y) => on.select(drawing.at(x, y)),
    double: (x, y) => (drawing.at(x, y) < 0 ? on.fit() : on.zoomTo(drawing.at(x, y))),
  });
  element.addEventListener("keydown", keydown);
  element.addEventListener("wheel", wheel, { passive: false });
  return () => {
    stop();
    element.removeEventListener("keydown", keydown);
    element.removeEventListener("wheel", wheel);
  };
}

// props: trace (loadTrace's), span ([start, end] of the chosen step, or null), onLook(start, end).
export function Timeline({ trace, span, onLook }) {
  const canvas = useRef(), drawing = useRef(null);
  const [tip, setTip] = useState(null);
  const [selected, setSelected] = useState(-1);
  const fit = () => drawing.current.look(...(drawing.current.span ?? [0, drawing.current.trace.end]));
  const select = (event) => {
    drawing.current.selected = event;
    drawing.current.later();
    setSelected(event);
  };
  useEffect(() => {
    const made = (drawing.current = new Drawing(canvas.current, trace)), { start, duration } = trace.column;
    made.onLook = (a, b) => onLook?.(a, b);
    setSelected(-1);
    setTip(null);
    const stop = listenTo(canvas.current, made, {
      fit,
      select,
      hover: (event, place) => {
        if (event !== made.hover) made.later();
        made.hover = event;
        setTip(event < 0 ? null : { event, place });
      },
      zoomTo: (event) => event >= 0 && made.look(start[event] - duration[event] * 0.1, start[event] + duration[event] * 1.1),
      next: (by) => {
        const row = made.selected >= 0 && trace.lanes.flatMap(({ rows }) => rows).find((one) => one.includes(made.selected));
        const event = row ? row[row.indexOf(made.selected) + by] : (trace.lanes[0]?.rows[0]?.[0] ?? -1);
        if (event === undefined || event < 0) return;
        select(event);
        const wide = made.b - made.a;
        if (start[event] < made.a || start[event] + duration[event] > made.b) made.look(start[event] - wide / 4, start[event] + (wide * 3) / 4);
      },
    });
    const watcher = new ResizeObserver(() => made.resize()), scheme = matchMedia("(prefers-color-scheme: dark)"), again = () => made.later();
    watcher.observe(canvas.current.parentElement);
    addEventListener("themechange", again);
    scheme.addEventListener("change", again);
    return () => {
      stop();
      watcher.disconnect();
      removeEventListener("themechange", again);
      scheme.removeEventListener("change", again);
      cancelAnimationFrame(made.frame);
    };
  }, [trace]);
  useEffect(() => {
    drawing.current.span = span;
    fit();
  }, [trace, span?.[0], span?.[1]]);
  const left = tip && Math.min(tip.place[0] + 14, (canvas.current?.clientWidth ?? 600) - 290);
  return html`<div class="timeline">
    <canvas ref=${canvas} tabindex="0" role="application" aria-label=${`Timeline of ${trace.count} events. Arrow keys move it, + and - zoom, 0 shows all, n and p go from event to event`}></canvas>
    ${tip && html`<div class="tip" style=${`left: ${Math.max(4, left)}px; top: ${tip.place[1] + 18}px`}><${Event} trace=${trace} event=${tip.event} /></div>`}
    <div class="hint faint">${selected >= 0 ? html`<div class="picked"><${Event} trace=${trace} event=${selected} /></div>` : "Drag to move, wheel or pinch to zoom, double click or double tap to fill the width with an event"}</div>
  </div>`;
}
