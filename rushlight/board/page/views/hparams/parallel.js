// Parallel coordinates: an axis for each column, a line for each row. A range on an axis filters.
import { isFinger } from "../../gestures.js";
import { html, useEffect, useMemo, useRef, useState } from "../../lib.js";
import { short } from "../../numbers.js";
import { Canvas } from "../canvas.js";
import { drawLines, layersOf } from "./lines.js";
import { isRange, scaleOf, tester, valueOf } from "./model.js";

const HEIGHT = 300, TOP = 12, BOTTOM = 12, SPACE = 100, EDGE = 60; // px
const inner = HEIGHT - TOP - BOTTOM;
export const yOf = (place) => TOP + (1 - place) * inner;

const BEHIND = 200; // ms that the rest of the page may be behind a range that is dragged

// A range while it is dragged: [{key, filter} or null, drag(key, filter), drop()]. The lines follow it in every
// frame; the table and all else, which take longer, are told now and then, and when it is dropped.
function useBrush(setFilter) {
  const [brush, setBrush] = useState(null);
  const timer = useRef(0), waits = useRef(null), latest = useRef(setFilter);
  latest.current = setFilter;
  const tell = () => {
    clearTimeout(timer.current);
    timer.current = 0;
    if (waits.current) latest.current(waits.current.key, waits.current.filter);
    waits.current = null;
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const drag = (key, filter) => {
    setBrush((waits.current = { key, filter }));
    timer.current ||= setTimeout(tell, BEHIND);
  };
  return [brush, drag, () => (tell(), setBrush(null))];
}

// What rows pass `filters`, with the one that is being dragged; `all`: the columns that filters can be of.
function useTests(rows, all, filters, tests, brush) {
  return useMemo(() => {
    if (!brush) return tests;
    const { [brush.key]: _, ...others } = filters;
    return rows.map(tester(all, brush.filter === undefined ? others : { ...others, [brush.key]: brush.filter }));
  }, [rows, all, filters, tests, brush]);
}

export function Parallel({ rows, all, columns, tests: told, filters, setFilter, logs, toggleLog, move, colour, hovered, setHovered }) {
  const [size, setSize] = useState(0);
  const [drag, setDrag] = useState(null); // {key, x}: the axis that is being moved
  const box = useRef();
  const width = Math.max(size, 2 * EDGE + (columns.length - 1) * SPACE);
  const gap = columns.length > 1 ? (width - 2 * EDGE) / (columns.length - 1) : 0;
  const xOf = (k) => EDGE + k * gap;
  const scales = useMemo(() => columns.map((c) => scaleOf(rows, c, logs.has(c.key))), [rows, columns, logs]);
  const places = useMemo(() => rows.map((row) => columns.map((c, k) => scales[k].at(valueOf(row, c)))), [rows, columns, scales]);
  const [brush, dragRange, dropRange] = useBrush(setFilter);
  const tests = useTests(rows, all, filters, told, brush);
  const colours = useMemo(() => rows.map(colour), [rows, colour]);
  const layers = useMemo(layersOf, []);
  const marked = hovered === null ? -1 : rows.findIndex((row) => row.id === hovered);
  const point = (event) => {
    if (brush) return;
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const found = nearest(places, tests, xOf, gap, event.clientX - left, event.clientY - top, isFinger(event) ? 18 : 6);
    setHovered(found === null ? null : rows[found].id);
  };

  const dropAt = (x) => Math.min(Math.max(Math.round((x - EDGE) / (gap || 1)), 0), columns.length - 1);
  const dragging = {
    begin: (key) => (event) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      setDrag({ key, from: event.clientX, x: event.clientX });
    },
    go: (event) => drag && setDrag({ ...drag, x: event.clientX }),
    end: (k) => () => {
      if (drag && Math.abs(drag.x - drag.from) > 8) move(drag.key, dropAt(xOf(k) + drag.x - drag.from));
      setDrag(null);
    },
  };

  return html`<div class="parallel" ref=${box}>
    <div class="scroll">
      <div class="stage" style=${`min-width: ${2 * EDGE + (columns.length - 1) * SPACE}px`}>
        <div class="heads">${columns.map((c, k) => html`<div class="head" key=${c.key} data-axis=${c.key}
            style=${`left: ${xOf(k) + (drag?.key === c.key ? drag.x - drag.from : 0)}px`}>
          <button class=${"axis-name" + (drag?.key === c.key ? " dragged" : "")}
            title=${`${c.name}: drag to move (or arrow keys)`} onPointerDown=${dragging.begin(c.key)} onPointerMove=${dragging.go}
            onPointerUp=${dragging.end(k)} onPointerCancel=${() => setDrag(null)}
            onKeyDown=${(e) => ({ ArrowLeft: -1, ArrowRight: 1 })[e.key] && (e.preventDefault(), move(c.key, k + { ArrowLeft: -1, ArrowRight: 1 }[e.key]))}
            >${c.title}</button>
          ${scales[k].canLog && html`<button class="link log" aria-pressed=${logs.has(c.key)} aria-label=${`Logarithmic axis of ${c.name}`}
            onClick=${() => toggleLog(c.key)}>log</button>`}
        </div>`)}</div>
        <div class="lines" style=${`height: ${HEIGHT}px`} onPointerMove=${point} onPointerDown=${point}
          onPointerLeave=${(e) => isFinger(e) || setHovered(null)}>
          <${Canvas} label=${`Parallel coordinates of ${rows.length} runs`} onSize=${setSize}
            draw=${(context) => drawLines(context, layers, { places, tests, colours, marked, xOf, yOf, gap })} />
          ${columns.map((c, k) => html`<${Axis} key=${c.key} column=${c} scale=${scales[k]} x=${xOf(k)} filter=${brush?.key === c.key ? brush.filter : filters[c.key]}
            setFilter=${(filter) => setFilter(c.key, filter)} drag=${(filter) => dragRange(c.key, filter)} drop=${dropRange} />`)}
        </div>
      </div>
    </div>
  </div>`;
}

// The row whose line passes within so many px; those the filters let through alone.
function nearest(places, tests, xOf, gap, x, y, least) {
  const k = Math.min(Math.max(Math.floor((x - xOf(0)) / (gap || 1)), 0), (places[0]?.length ?? 1) - 1);
  const part = gap ? (x - xOf(k)) / gap : 0;
  let best = null;
  places.forEach((line, i) => {
    const a = line[k], b = line[k + 1] ?? (part < 0.1 ? a : null);
    if (!tests[i] || a === null || b === null) return;
    const far = Math.abs(yOf(a + (b - a) * part) - y);
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

// An axis with its range. Drag along it to choose one, drag the range to move it, click to drop it; the two ends
// are sliders for the keyboard.
function Axis({ column, scale, x, filter, setFilter, drag, drop }) {
  const start = useRef(null);
  const [low, high] = brushOf(scale, filter);
  const active = filter !== undefined;
  const between = (a, b) => filterOf(scale, Math.min(a, b), Math.max(a, b));
  const set = (a, b) => setFilter(between(a, b)), pull = (a, b) => drag(between(a, b));
  const placeOf = (event) => {
    const { top } = event.currentTarget.getBoundingClientRect();
    return Math.min(Math.max(1 - (event.clientY - top - TOP) / inner, 0), 1);
  };
  const down = (event) => {
    if (start.current) return; // a second finger
    event.currentTarget.setPointerCapture(event.pointerId);
    const at = placeOf(event), close = (isFinger(event) ? 22 : 8) / inner;
    const mode = !active ? "new" : Math.abs(at - low) < close ? "low" : Math.abs(at - high) < close ? "high" : at > low && at < high ? "move" : "new";
    start.current = { at, low, high, mode, moved: false, pointer: event.pointerId };
  };
  const go = (event) => {
    const s = start.current;
    if (s?.pointer !== event.pointerId) return;
    const at = placeOf(event), by = at - s.at;
    if (!s.moved && Math.abs(by) * inner < 4) return;
    s.moved = true;
    if (s.mode === "new") pull(s.at, at);
    else if (s.mode === "low") pull(at, s.high);
    else if (s.mode === "high") pull(s.low, at);
    else {
      const shift = Math.min(Math.max(by, -s.low), 1 - s.high);
      pull(s.low + shift, s.high + shift);
    }
  };
  const up = (event) => {
    if (start.current?.pointer !== event.pointerId) return;
    if (start.current.moved) drop();
    else if (event.type === "pointerup" && active) setFilter(undefined);
    start.current = null;
  };
  const key = (end) => (event) => {
    const step = (event.shiftKey ? 0.1 : 0.02) * ({ ArrowUp: 1, ArrowDown: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0);
    if (event.key === "Delete" || event.key === "Backspace" || event.key === "Escape") setFilter(undefined);
    else if (event.key === "Home" || event.key === "End") end === "low" ? set(event.key === "Home" ? 0 : high, high) : set(low, event.key === "Home" ? low : 1);
    else if (step) end === "low" ? set(Math.min(Math.max(low + step, 0), high), high) : set(low, Math.max(Math.min(high + step, 1), low));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const text = (value) => (typeof value === "number" ? short(value) : value);
  const handle = (end, place) => html`<button class="handle" role="slider" aria-label=${`${column.name}, ${end === "low" ? "lowest" : "highest"}`}
    aria-orientation="vertical" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(place * 100)}
    aria-valuetext=${scale.kind === "number" ? short(scale.value(place)) : `${Math.round(place * 100)} %`}
    style=${`top: ${yOf(place)}px`} onKeyDown=${key(end)}></button>`;
  return html`<div class=${"axis" + (active ? " active" : "")} data-brush=${column.key} style=${`left: ${x}px`}
    onPointerDown=${down} onPointerMove=${go} onPointerUp=${up} onPointerCancel=${up}>
    <i class="rule" style=${`top: ${TOP}px; height: ${inner}px`}></i>
    ${scale.ticks.slice(0, 40).map((tick) => html`<span class="tick" style=${`top: ${yOf(tick.at)}px`}>${text(tick.value)}</span>`)}
    ${active && html`<i class="brush" style=${`top: ${yOf(high)}px; height: ${Math.max((high - low) * inner, 2)}px`}></i>`}
    ${handle("high", high)}${handle("low", low)}
  </div>`;
}

function brushOf(scale, filter) {
  if (scale.kind === "number" && isRange(filter)) {
    const [a, b] = [filter[0] === null ? 0 : scale.at(filter[0]), filter[1] === null ? 1 : scale.at(filter[1])];
    return [Math.min(Math.max(a ?? 0, 0), 1), Math.min(Math.max(b ?? 1, 0), 1)];
  }
  const half = 0.5 / (scale.texts?.length || 1);
  const chosen = (filter?.only ?? []).map(scale.at).filter((place) => place !== null);
  return chosen.length ? [Math.min(...chosen) - half, Math.max(...chosen) + half] : [0, 1];
}

// What a range means; a whole axis is no filter. An open end stays open as points come.
function filterOf(scale, low, high) {
  if (low <= 0 && high >= 1) return undefined;
  if (scale.kind === "number") return [low <= 0 ? null : Number(scale.value(low).toPrecision(4)), high >= 1 ? null : Number(scale.value(high).toPrecision(4))];
  return { only: scale.texts.filter((text) => scale.at(text) >= low && scale.at(text) <= high) };
}
