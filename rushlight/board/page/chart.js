// A line chart: uPlot as a component. It draws again when `version` changes; its size follows its box.
import uPlot from "uplot";
import { html, useEffect, useRef } from "./lib.js";
import { short } from "./numbers.js";
import { inTurn } from "./turns.js";
import { Hand, shiftDrag, touch } from "./zooming.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A time of day keeps its own labels; a step or a number of hours is a number.
function axes(xKind) {
  const line = { stroke: () => css("--muted"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: { show: false } };
  const font = "11px system-ui";
  const numbers = (_, all) => all.map((v) => (v === null || v === undefined ? "" : short(v)));
  return [
    { ...line, font, size: 28, gap: 4, ...(xKind === "wall" ? {} : { values: numbers }) },
    { ...line, font, size: 54, gap: 4, values: numbers },
  ];
}

function series(lines) {
  return lines.map(({ label, colour, width = 1.6, faint = false, dash = [] }) => ({
    label,
    stroke: faint ? colour + "44" : colour,
    width,
    dash,
    spanGaps: true,
    points: { show: (u, i) => width > 0 && few(u.data[i]), size: 5 },
  }));
}

function few(values) {
  let count = 0;
  for (let i = 0; i < values.length && count < 2; i++) if (values[i] !== null && values[i] !== undefined) count++;
  return count < 2;
}

// marks: [{x, value, colour}] of points that are no numbers, drawn at the edge they lie beyond; NaN below.
function drawMarks(u, marks) {
  const { ctx, bbox } = u, r = 4 * devicePixelRatio;
  ctx.save();
  for (const { x, value, colour } of marks) {
    const at = u.valToPos(x, "x", true);
    if (!(at >= bbox.left - 1 && at <= bbox.left + bbox.width + 1)) continue;
    const up = value === Infinity, y = up ? bbox.top + r : bbox.top + bbox.height - r;
    ctx.beginPath();
    if (Number.isNaN(value)) {
      ctx.moveTo(at - r, y - r), ctx.lineTo(at + r, y + r), ctx.moveTo(at - r, y + r), ctx.lineTo(at + r, y - r);
      ctx.lineWidth = 1.6 * devicePixelRatio;
      ctx.strokeStyle = colour;
      ctx.stroke();
    } else {
      const tip = up ? -r : r;
      ctx.moveTo(at, y + tip), ctx.lineTo(at - r, y - tip), ctx.lineTo(at + r, y - tip);
      ctx.fillStyle = colour;
      ctx.fill();
    }
  }
  ctx.restore();
}

// A drag chooses a part to look at: across, or if it goes up or down, also of y.
function select(u, onZoom) {
  const { left, top, width, height } = u.select;
  if (width < 2 && height < 2) return;
  const across = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
  const full = height >= u.over.clientHeight - 1 || height < 2;
  onZoom?.(...(width < 2 ? [null, null] : across), full ? null : [u.posToVal(top + height, "y"), u.posToVal(top, "y")]);
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

const MANY = 100; // lines: of more none has a dot at the cursor, nor do the others fade beside the closest

export function options({ lines, xKind, log, logX, range, xRange, bands, marks, sync, hand, onHover, onZoom, width, height }) {
  return {
    width, height,
    legend: { show: false },
    cursor: {
      points: lines.length > MANY ? { show: false } : { size: (_, k) => (lines[k - 1]?.faint ? 0 : 7) },
      drag: { x: true, y: true, uni: 24, setScale: false }, focus: { prox: lines.length > MANY ? -1 : 30 },
      ...(sync ? { sync: { key: sync, scales: ["x", null], setSeries: false } } : {}),
    },
    focus: { alpha: 0.35 },
    scales: {
      x: { time: xKind === "wall", distr: logX ? 3 : 1, ...(xRange ? { range: (_, min, max) => hand?.x ?? xRange() ?? [min, max] } : {}) },
      y: { distr: log ? 3 : 1, range: range ? () => hand?.y ?? range() : undefined },
    },
    axes: axes(xKind),
    bands: bands?.map(([high, low, colour]) => ({ series: [high, low], fill: colour + "2e" })),
    series: [{}, ...series(lines)],
    hooks: {
      ready: [(u) => onZoom && shiftDrag(u, hand)],
      setScale: [(u) => hand?.scaled(u)],
      draw: [(u) => drawMarks(u, marks?.() ?? [])],
      setCursor: [(u) => onHover?.(u)],
      setSelect: [(u) => select(u, onZoom)],
    },
  };
}

// Arrows move, + and - zoom, 0 shows all: what a mouse does, by keyboard.
function keys(event, u, onZoom, onReset) {
  const { min, max } = u.scales.x, span = max - min;
  const moves = { ArrowLeft: [-0.25, -0.25], ArrowRight: [0.25, 0.25], "+": [0.25, -0.25], "-": [-0.5, 0.5] };
  if (event.key === "0" || event.key === "Escape") onReset?.();
  else if (moves[event.key]) onZoom?.(min + span * moves[event.key][0], max + span * moves[event.key][1], null);
  else return;
  event.preventDefault();
}

// props: data (uPlot's), lines ([{label, colour, faint, width, dash}]), version, xKind, log, logX, height; range(),
// xRange() and marks(); bands ([[series above, below, colour]]), sync (charts of a name share the crosshair);
// onHover(u), onZoom(from, to, y or null), onReset, onPlot. yZoom(): the range of y that was chosen, or null; without it
// two fingers zoom x alone. onTouch(true) when a finger shows values, onTouch(false) when it does no longer.
export function Chart(props) {
  const box = useRef(), plot = useRef(), latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([props.lines, props.xKind, props.log, props.logX, props.bands, props.sync]);
  useEffect(() => {
    const width = box.current.clientWidth, hand = new Hand(() => latest.current);
    const found = options({
      ...props, width, hand, height: props.height ?? 200,
      range: latest.current.range && (() => latest.current.range()),
      xRange: latest.current.xRange && (() => latest.current.xRange()),
      marks: () => latest.current.marks?.() ?? [],
      onHover: (u) => latest.current.onHover?.(u),
      onZoom: props.onZoom && ((a, b, y) => latest.current.onZoom(a, b, y)),
    });
    plot.current = new uPlot(found, props.data, box.current);
    props.onPlot?.(plot.current);
    const letGo = touch(plot.current, hand);
    const watcher = new ResizeObserver(() => {
      const now = box.current?.clientWidth;
      if (now && now !== plot.current.width) plot.current.setSize({ width: now, height: plot.current.height });
    });
    watcher.observe(box.current);
    let stop = () => {};
    const repaint = () => (stop = inTurn(() => plot.current.redraw(false, true)));
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", repaint);
    addEventListener("themechange", repaint);
    return () => {
      stop();
      watcher.disconnect();
      letGo();
      scheme.removeEventListener("change", repaint);
      removeEventListener("themechange", repaint);
      plot.current.destroy();
    };
  }, [shape, props.height]);
  useEffect(() => {
    if (plot.current && plot.current.data !== props.data) plot.current.setData(props.data);
    else plot.current?.setData(props.data, true);
  }, [props.version, props.data, props.view]);
  return html`<div class="plot" ref=${box} tabindex="0" role="img" aria-label=${props.label ?? "chart"}
    onKeyDown=${(event) => keys(event, plot.current, props.onZoom, props.onReset)} onDblClick=${() => props.onReset?.()}></div>`;
}
