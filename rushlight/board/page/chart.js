// A line chart: uPlot as a component. It draws again when `version` changes; its size follows its box.
import uPlot from "uplot";
import { html, useEffect, useRef } from "./lib.js";
import { short } from "./numbers.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A time of day keeps its own labels; a step or a number of hours is a number.
function axes(xKind) {
  const line = { stroke: () => css("--muted"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: { show: false } };
  const font = "11px system-ui";
  const numbers = (_, all) => all.map((v) => (v === null ? "" : short(v)));
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
    points: { show: (u, i) => u.data[i].length < 2 || u.data[i].filter((v) => v !== null && v !== undefined).length < 2, size: 5 },
  }));
}

export function options({ lines, bands, xKind, log, range, onHover, onZoom, width, height }) {
  return {
    width, height,
    legend: { show: false },
    cursor: { points: { size: 7 }, drag: { x: true, y: false }, focus: { prox: 24 } },
    focus: { alpha: 1 },
    scales: { x: { time: xKind === "wall" }, y: { distr: log ? 3 : 1, range: range ? () => range() : undefined } },
    axes: axes(xKind),
    series: [{}, ...series(lines)],
    bands: bands?.map(([high, low, colour]) => ({ series: [high, low], fill: colour + "2e" })),
    hooks: {
      setCursor: [(u) => onHover?.(u)],
      setSelect: [(u) => u.select.width > 0 && onZoom?.(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"))],
    },
  };
}

// props: data (uPlot's), lines ([{label, colour, faint, dash}]), bands ([[series above, below, colour]]), version, xKind, log, range, height, onHover, onZoom, onReset, onPlot.
export function Chart(props) {
  const box = useRef(), plot = useRef(), latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([props.lines, props.bands, props.xKind, props.log]);
  useEffect(() => {
    const width = box.current.clientWidth;
    const found = options({
      ...props, width, height: props.height ?? 200,
      range: latest.current.range && (() => latest.current.range()),
      onHover: (u) => latest.current.onHover?.(u),
      onZoom: (a, b) => latest.current.onZoom?.(a, b),
    });
    plot.current = new uPlot(found, props.data, box.current);
    props.onPlot?.(plot.current);
    const watcher = new ResizeObserver(() => {
      const now = box.current?.clientWidth;
      if (now && now !== plot.current.width) plot.current.setSize({ width: now, height: plot.current.height });
    });
    watcher.observe(box.current);
    const repaint = () => plot.current.redraw(false, true);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", repaint);
    addEventListener("themechange", repaint);
    return () => {
      watcher.disconnect();
      scheme.removeEventListener("change", repaint);
      removeEventListener("themechange", repaint);
      plot.current.destroy();
    };
  }, [shape, props.height]);
  useEffect(() => {
    if (plot.current && plot.current.data !== props.data) plot.current.setData(props.data);
  }, [props.version, props.data]);
  return html`<div class="plot" ref=${box} onDblClick=${() => props.onReset?.()}></div>`;
}
