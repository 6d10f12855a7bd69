// Scalars: a card for each tag, in groups by what stands before the first slash; a line for each run.
import uPlot from "uplot";
import { askPacked, board, matcher, useBoard, useRuns, watch } from "../board.js";
import { Chart } from "../chart.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { Line, aligned, rangeOf, smoothed } from "../lines.js";
import { clock, duration, short } from "../numbers.js";
import { useUrl } from "../state.js";
import { Groups } from "../groups.js";
import { Range, Select, Tick } from "../controls.js";
import { ExportMenu } from "../export.js";

const POINTS = 1200; // points of a line that a card asks for; zooming in asks again for the part

// The lines of a tag: asked for, then kept up to date by what the server sends.
function useLines(tag, runs, range, visible) {
  const lines = useRef(new Map());
  const [version, setVersion] = useState(0);
  const names = runs.map((run) => run.name);
  const key = JSON.stringify([names, range]);
  useEffect(() => {
    if (!visible || !names.length) return;
    let alive = true, timer = 0;
    const fetchAll = async () => {
      const question = { tag, runs: names, points: POINTS, ...(range ? { range } : {}) };
      const lengths = (head) => head.lines.flatMap((line) => [line.points, line.points, line.points]);
      try {
        const { head, columns } = await askPacked("/api/scalars", question, lengths);
        if (!alive) return;
        lines.current = new Map(
          head.lines.map(({ run }, k) => [run, new Line(run, ...columns.slice(3 * k, 3 * k + 3))]),
        );
        setVersion((v) => v + 1);
      } catch (error) {
        console.warn(error.message);
      }
    };
    const later = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(fetchAll, ms);
    };
    const stop = watch(tag, (message) => {
      if (message.type === "reload") return later(50);
      if (!names.includes(message.run)) return;
      const line = lines.current.get(message.run);
      if (message.type === "stale" || !line || range || line.step.length > 6 * POINTS) return later(150);
      line.append(message);
      setVersion((v) => v + 1);
    });
    fetchAll();
    return () => {
      alive = false;
      clearTimeout(timer);
      stop();
    };
  }, [tag, key, visible]);
  return [lines.current, version];
}

// Whether the element is, or soon will be, on the screen.
export function useVisible(element) {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => setVisible(entry.isIntersecting), { rootMargin: "200px" });
    watcher.observe(element.current);
    return () => watcher.disconnect();
  }, []);
  return visible;
}

function Card({ tag, runs, settings }) {
  const { smooth, xKind, log, outliers } = settings;
  const box = useRef(), plot = useRef();
  const visible = useVisible(box);
  const [wide, setWide] = useState(false);
  const [range, setRange] = useState(null);
  const [hover, setHover] = useState(null);
  const [lines, version] = useLines(tag, runs, xKind === "step" ? range : null, visible);
  const shown = runs.filter((run) => lines.has(run.name));

  const { data, drawn, columns } = useMemo(() => {
    const columns = shown.map((run) => {
      const line = lines.get(run.name);
      return { run, line, x: line.x(xKind), y: smoothed(line.value, smooth) };
    });
    const faint = smooth > 0 ? columns.map(({ line, x }) => [x, line.value]) : [];
    const all = [...faint, ...columns.map(({ x, y }) => [x, y])];
    const drawn = [
      ...faint.map((_, k) => ({ label: columns[k].run.name, colour: columns[k].run.colour, faint: true, width: 1 })),
      ...columns.map(({ run }) => ({ label: run.name, colour: run.colour })),
    ];
    return { data: aligned(uPlot.join, all), drawn, columns };
  }, [version, smooth, xKind, shown.map((run) => run.name + run.colour).join()]);

  const onHover = (u) => {
    const { idx } = u.cursor;
    if (idx === null || idx === undefined) return setHover(null);
    setHover({ x: u.data[0][idx] });
  };
  const yRange = () => rangeOf(columns.map(({ y, line }) => (smooth > 0 ? y : line.value)), outliers, log);

  return html`<article class=${"card" + (wide ? " wide" : "")} ref=${box} data-tag=${tag}>
    <header>
      <h3 title=${tag}>${tag.split("/").slice(1).join("/") || tag}</h3>
      ${range && html`<button class="quiet" title="Show all (double click)" onClick=${() => setRange(null)}>↺</button>`}
      <${ExportMenu} name=${tag} plot=${plot} columns=${columns} />
      <button class="quiet" title=${wide ? "Smaller" : "Larger"} aria-pressed=${wide} onClick=${() => setWide(!wide)}>⤢</button>
    </header>
    ${visible && columns.length
      ? html`<${Chart} data=${data} lines=${drawn} version=${version} xKind=${xKind} log=${log}
          range=${yRange} height=${wide ? 420 : 200} onHover=${onHover}
          onZoom=${(a, b) => setRange([a, b])} onReset=${() => setRange(null)} onPlot=${(u) => (plot.current = u)} />`
      : html`<div class="plot empty" style=${`height: ${wide ? 420 : 200}px`}>${visible && !shown.length ? "no run shown has it" : ""}</div>`}
    <${Legend} columns=${columns} hover=${hover} xKind=${xKind} wide=${wide} smooth=${smooth} />
  </article>`;
}

// The index of the last point at or before x.
function indexAt(xs, x) {
  let low = 0, high = xs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

function Legend({ columns, hover, xKind, wide, smooth }) {
  const most = wide ? 40 : 6;
  const rows = columns.slice(0, most).map(({ run, line, x, y }) => {
    const at = hover ? indexAt(x, hover.x) : x.length - 1;
    const when = line.wall[at] - line.wall[0];
    return html`<tr key=${run.name}>
      <td><i class="dot" style=${`background: ${run.colour}`}></i></td>
      <td class="name" title=${run.name}>${run.label ?? run.name}</td>
      ${smooth > 0 && html`<td class="n">${short(y[at])}</td>`}
      <td class="n ${smooth > 0 ? "faint" : ""}">${short(line.value[at])}</td>
      <td class="n faint" title=${clock(line.wall[at])}>${xKind === "step" ? line.step[at] : duration(when)}</td>
    </tr>`;
  });
  const rest = columns.length - most;
  return html`<table class="legend"><tbody>${rows}
    ${rest > 0 && html`<tr><td></td><td class="faint" colspan="4">and ${rest} more: make the card larger</td></tr>`}
  </tbody></table>`;
}

export function Scalars() {
  const { tags } = useBoard();
  const { shown } = useRuns();
  const [filter, setFilter] = useUrl("tags", "");
  const [smooth, setSmooth] = useUrl("smooth", 0);
  const [xKind, setXKind] = useUrl("x", "step");
  const [log, setLog] = useUrl("log", false);
  const [outliers, setOutliers] = useUrl("outliers", true);
  const names = Object.keys(tags.scalars ?? {}).filter(matcher(filter)).sort();
  const settings = { smooth, xKind, log, outliers };
  return html`<div class="bar">
      <input type="search" placeholder="Filter tags (regex)" aria-label="Filter tags" value=${filter} onInput=${(e) => setFilter(e.target.value)} />
      <${Range} label="Smoothing" value=${smooth} min=${0} max=${0.999} step=${0.001} onInput=${setSmooth} />
      <${Select} label="Horizontal" value=${xKind} choices=${{ step: "step", relative: "hours", wall: "time" }} onInput=${setXKind} />
      <${Tick} label="Log" value=${log} onInput=${setLog} />
      <${Tick} label="Outliers" value=${outliers} onInput=${setOutliers} />
    </div>
    ${board.loaded && !names.length && html`<p class="none">No scalars ${filter ? `match “${filter}”` : "yet: writer.add_scalar(tag, number, step) makes some"}.</p>`}
    <${Groups} names=${names} card=${(tag) => html`<${Card} key=${tag} tag=${tag} runs=${shown} settings=${settings} />`} />`;
}
