// Custom scalars: charts that a log's layout asks for, of several tags, or of a value within its margin.
import uPlot from "uplot";
import { askPacked, board, useBoard, useRuns, watch } from "../board.js";
import { Chart } from "../chart.js";
import { ExportMenu } from "../export.js";
import { Range, Select } from "../controls.js";
import { CardHead, Problem, useAnswer, useNews } from "../entries.js";
import { useVisible } from "../scalars/card.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { Line, aligned, rangeOf, smoothed } from "../lines.js";
import { short } from "../numbers.js";
import { useUrl } from "../state.js";

const POINTS = 800, MOST_TAGS = 40;
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [14, 5], [5, 2, 1, 2]];

// A test for tags by an expression from a log. One that could take for ever is only compared as text: no group may
// be repeated, and no more than three parts may be of any length.
export function tagTest(text) {
  const repeats = text.match(/[*+]|\{\d*,/g)?.length ?? 0;
  if (text.length > 200 || repeats > 3 || /\)[*+?{]/.test(text) || /\\[1-9k]/.test(text)) return (tag) => tag === text;
  try {
    const expression = new RegExp(`^(?:${text})$`);
    return (tag) => tag === text || (tag.length < 500 && expression.test(tag));
  } catch {
    return (tag) => tag === text;
  }
}

export function tagsOf(chart, all) {
  if (chart.margins) return [...new Set(chart.margins.flat())].filter((tag) => all.includes(tag));
  const tests = (chart.tags ?? []).slice(0, 100).map(tagTest);
  return all.filter((tag) => tests.some((test) => test(tag))).slice(0, MOST_TAGS);
}

const lengths = (head) => head.lines.flatMap((line) => [line.points, line.points, line.points]);

// A Map from tag to a Map from run to Line; asked for again, at most twice a second, when points come.
function useTagLines(tags, names, visible) {
  const [lines, setLines] = useState(new Map());
  const key = JSON.stringify([tags, names]);
  useEffect(() => {
    if (!visible || !tags.length || !names.length) return;
    let alive = true, timer = 0;
    const load = async () => {
      timer = 0;
      const answers = await Promise.all(tags.map((tag) => askPacked("/api/scalars", { tag, runs: names, points: POINTS }, lengths)));
      const found = answers.map(({ head, columns }, k) => [tags[k], new Map(head.lines.map(({ run }, i) => [run, new Line(run, ...columns.slice(3 * i, 3 * i + 3))]))]);
      if (alive) setLines(new Map(found));
    };
    const again = () => (timer ||= setTimeout(() => load().catch((error) => console.warn(error.message)), 500));
    const stops = tags.map((tag) => watch(tag, again));
    load().catch((error) => console.warn(error.message));
    return () => ((alive = false), clearTimeout(timer), stops.forEach((stop) => stop()));
  }, [key, visible]);
  return lines;
}

// What is drawn: [{label, colour, dash, line, x, y, faint}], and bands as Chart takes them.
function multiline(chart, tags, lines, runs, { xKind, smooth }) {
  const drawn = tags.flatMap((tag, t) => runs.flatMap((run) => {
    const line = lines.get(tag)?.get(run.name);
    return line ? [{ label: `${tag} · ${run.name}`, run, tag, colour: run.colour, dash: DASHES[t % DASHES.length], line, x: line.x(xKind), y: smoothed(line.value, smooth) }] : [];
  }));
  return { drawn, bands: [] };
}

function margins(chart, tags, lines, runs, { xKind }) {
  const drawn = [], bands = [];
  chart.margins.forEach(([value, lower, upper], m) => runs.forEach((run) => {
    const of = (tag) => lines.get(tag)?.get(run.name);
    if (!of(value)) return;
    const add = (line, faint, tag) => drawn.push({ label: `${tag} · ${run.name}`, run, tag, colour: run.colour, faint, width: faint ? 1 : 1.8, dash: DASHES[m % DASHES.length], line, x: line.x(xKind), y: line.value });
    if (of(lower) && of(upper)) {
      add(of(upper), true, upper);
      add(of(lower), true, lower);
      bands.push([drawn.length - 1, drawn.length, run.colour]);
    }
    add(of(value), false, value);
  }));
  return { drawn, bands };
}

function Dash({ dash, colour }) {
  return html`<svg width="26" height="8" aria-hidden="true"><line x1="0" x2="26" y1="4" y2="4" stroke=${colour} stroke-width="2" stroke-dasharray=${dash.join(" ")} /></svg>`;
}

function ChartCard({ chart, runs, settings }) {
  const box = useRef();
  const { tags: all } = useBoard();
  const visible = useVisible(box);
  const plot = useRef();
  const [wide, setWide] = useState(false);
  const [span, setSpan] = useState(null);
  const tags = useMemo(() => tagsOf(chart, Object.keys(all.scalars ?? {})), [all, chart]);
  const lines = useTagLines(tags, runs.map((run) => run.name), visible);
  const { data, drawn, bands } = useMemo(() => {
    const made = (chart.margins ? margins : multiline)(chart, tags, lines, runs, settings);
    return { data: aligned(uPlot.join, made.drawn.map(({ x, y }) => [x, y])), ...made };
  }, [lines, tags, settings.xKind, settings.smooth, runs.map((run) => run.name + run.colour).join()]);
  const height = wide ? 420 : 220;
  const saved = drawn.map(({ label, line }) => ({ run: { name: label }, line }));
  return html`<article class=${"card entry" + (wide ? " wide" : "")} ref=${box} data-chart=${chart.title}>
    <${CardHead} tag=${(chart.tags ?? chart.margins?.flat() ?? []).join(", ")} title=${chart.title || "(no title)"}>
      <${ExportMenu} name=${chart.title || "chart"} plot=${plot} columns=${saved} />
      <button class="quiet" title=${wide ? "Smaller" : "Larger"} aria-pressed=${wide} onClick=${() => setWide(!wide)}>⤢</button><//>
    ${drawn.length && visible
      ? html`<${Chart} data=${data} lines=${drawn.map(({ label, colour, faint, width, dash }) => ({ label, colour, faint, width, dash }))} bands=${bands}
          version=${lines} xKind=${settings.xKind} range=${() => rangeOf(drawn.map(({ y }) => y), true, false)} height=${height}
          xRange=${() => span} view=${span} onZoom=${(from, to) => from !== null && setSpan([from, to])} onReset=${() => setSpan(null)} onPlot=${(u) => (plot.current = u)} />`
      : html`<div class="plot empty" style=${`height: ${height}px`}>${visible && !tags.length ? "no scalar has such a tag" : ""}</div>`}
    <table class="legend"><tbody>${drawn.filter(({ faint }) => !faint).slice(0, wide ? 40 : 8).map(({ run, tag, colour, dash, y }) => html`<tr>
      <td><${Dash} dash=${dash} colour=${colour} /></td><td class="name" title=${tag}>${tag}</td><td class="name faint" title=${run.name}>${run.title}</td><td class="n">${short(y[y.length - 1])}</td></tr>`)}</tbody></table>
  </article>`;
}

function Category({ category, runs, settings }) {
  const [open, setOpen] = useState(!category.closed);
  return html`<section class="group"><button class="fold" aria-expanded=${open} onClick=${() => setOpen(!open)}><span class="arrow">▾</span> ${category.title || "Charts"} <span class="faint">${category.charts.length}</span></button>
    ${open && html`<div class="cards">${category.charts.map((chart, k) => html`<${ChartCard} key=${chart.title + k} chart=${chart} runs=${runs} settings=${settings} />`)}</div>`}</section>`;
}

export function Custom() {
  const { runs } = useBoard();
  const { shown } = useRuns();
  const [smooth, setSmooth] = useUrl("smooth", 0);
  const [xKind, setXKind] = useUrl("x", "step");
  const version = useNews("custom_scalars");
  // A layout is often written into a run of its own: those of all runs count.
  const { value, error } = useAnswer("/api/layouts", runs.length ? { runs: runs.slice(0, 10_000).map((run) => run.name) } : null, { version });
  const settings = { smooth, xKind };
  const categories = value?.categories ?? [];
  return html`<div class="bar">
      <${Range} label="Smoothing" value=${smooth} min=${0} max=${0.999} step=${0.001} onInput=${setSmooth} />
      <${Select} label="Horizontal" value=${xKind} choices=${{ step: "step", relative: "hours", wall: "time" }} onInput=${setXKind} />
    </div>
    ${error && html`<${Problem} text=${error} />`}${value?.errors.map((text) => html`<${Problem} text=${text} />`)}
    ${board.loaded && value && !categories.length && html`<p class="none">No layout yet: writer.add_custom_scalars(layout) makes one.</p>`}
    ${categories.map((category) => html`<${Category} key=${category.title} category=${category} runs=${shown} settings=${settings} />`)}`;
}
