// A tag's card: its chart, the legend, and what can be done with them.
import { Chart } from "../chart.js";
import { ExportMenu } from "../export.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { rangeOf } from "../lines.js";
import { columnOf, grouped, plain } from "./drawing.js";
import { Legend, Tooltip } from "./legend.js";
import { useInTurn } from "../turns.js";
import { MANY, useLines } from "./lines.js";

// Whether the element is, or soon will be, on the screen.
export function useVisible(element) {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver((entries) => setVisible(entries.at(-1).isIntersecting), { rootMargin: "200px" });
    watcher.observe(element.current);
    return () => watcher.disconnect();
  }, []);
  return visible;
}

// A zoom on the chart's axis as what the server is asked for: steps, seconds since 1970, or since the start.
function spanOf(xKind, range) {
  if (!range) return null;
  return { axis: xKind, range: range.map((x) => (xKind === "relative" ? x * 3600 : x)) };
}

export function Card({ tag, pinned, onPin, ...given }) {
  const box = useRef(), plot = useRef(), inside = useRef(false);
  const visible = useVisible(box);
  const { runs, settings } = useInTurn(given, ["runs", "settings"], { now: given.runs.length <= MANY, wanted: visible });
  const { smooth, xKind, log, logX, outliers, band } = settings;
  const [wide, setWide] = useState(false);
  const [zoom, setZoom] = useState({ x: null, y: null });
  const [hover, setHover] = useState(null);
  useEffect(() => setZoom({ x: null, y: null }), [xKind, log, logX]);
  const [lines, version] = useLines(tag, runs, spanOf(xKind, zoom.x), visible);
  const key = useMemo(() => runs.map((run) => [run.name, run.label, run.colour, run.group].join()).join(";"), [runs]);

  const { data, drawn, bands, columns } = useMemo(() => {
    const columns = runs.filter((run) => lines.has(run.name)).map((run) => columnOf(run, lines.get(run.name), settings));
    const { data, lines: drawn, bands } = band ? grouped(columns, settings) : plain(columns, settings);
    return { data, drawn, bands, columns };
  }, [version, smooth, xKind, log, logX, band, key]);

  const onHover = (u) => {
    const { idx, left, top } = u.cursor;
    if (idx === null || idx === undefined || left < 0) return setHover(null);
    setHover({ x: u.data[0][idx], left, top, width: u.over.clientWidth, valueAt: (p) => u.posToVal(p, "y") });
  };
  const onZoom = (from, to, y) => setZoom((old) => ({ x: from === null ? old.x : [from, to], y: y ?? (from === null ? old.y : null) }));
  const reset = () => setZoom({ x: null, y: null });
  const yRange = () => zoom.y ?? rangeOf(data.slice(1), outliers, log);
  const zoomed = zoom.x || zoom.y, height = wide ? 420 : 200;
  const title = tag.split("/").slice(1).join("/") || tag;
  return html`<article class=${"card" + (wide ? " wide" : "")} ref=${box} data-tag=${tag}
      onMouseEnter=${() => (inside.current = true)} onMouseLeave=${() => ((inside.current = false), setHover(null))}>
    <header>
      <h3 title=${tag}>${pinned ? tag : title}</h3>
      ${zoomed && html`<button class="quiet" title="Show all (double click, or 0)" aria-label="Show all" onClick=${reset}>↺</button>`}
      <button class=${"quiet pin" + (pinned ? " on" : "")} title=${pinned ? "Unpin" : "Pin to the top"} aria-label="Pin" aria-pressed=${pinned} onClick=${onPin}>${pinned ? "★" : "☆"}</button>
      <${ExportMenu} name=${tag} plot=${plot} columns=${columns} runs=${runs} />
      <button class="quiet" title=${wide ? "Smaller" : "Larger"} aria-label="Larger" aria-pressed=${wide} onClick=${() => setWide(!wide)}>⤢</button>
    </header>
    <div class="stage">
      ${visible && columns.length
        ? html`<${Chart} data=${data} lines=${drawn} bands=${bands} version=${version} view=${JSON.stringify([zoom, outliers])} xKind=${xKind}
            log=${log} logX=${logX} range=${yRange} xRange=${() => zoom.x} height=${height} sync=${"x " + xKind} label=${tag}
            marks=${() => columns.flatMap(({ odd }) => odd)} yZoom=${() => zoom.y} onHover=${onHover} onZoom=${onZoom} onReset=${reset}
            onTouch=${(on) => (inside.current = on)}
            onPlot=${(u) => (plot.current = u)} />`
        : html`<div class="plot empty" style=${`height: ${height}px`}>${visible && version > 0 && !columns.length ? "no run shown has it" : ""}</div>`}
      ${hover && inside.current && columns.length > 0 && html`<${Tooltip} columns=${columns} hover=${hover} xKind=${xKind} log=${log} />`}
    </div>
    <${Legend} columns=${columns} hover=${hover} xKind=${xKind} wide=${wide} smooth=${smooth} />
  </article>`;
}
