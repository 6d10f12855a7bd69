// Histograms: how numbers lie at each step, as ridges, one over the other, or as bands of percentiles.
import { askPacked } from "../board.js";
import { Canvas, Tip } from "../canvas.js";
import { Select } from "../controls.js";
import { CardHead, Problem, RunCards, useAnswer, useNews } from "../entries.js";
import { useVisible } from "../scalars/card.js";
import { html, useMemo, useRef, useState } from "../lib.js";
import { clock, short } from "../numbers.js";
import { Histograms, bandAt, drawBands, drawRidges, ridgeAt, timeText } from "../ridge.js";
import { SaveMenu } from "../saving.js";
import { useUrl } from "../state.js";

const BINS = 60;
const PERCENTS = ["least", "7 %", "16 %", "31 %", "median", "69 %", "84 %", "93 %", "most"];
const lengths = ({ steps, bins, bands }) => [steps, steps, steps, steps * bands, steps * bins];
const make = (path, question) => askPacked(path, question, lengths);

// How an arrow key moves the ridge and bin looked at.
function moved(data, hover, key, bands) {
  const { i, bin } = hover ?? { i: data.count - 1, bin: Math.floor(data.bins / 2) };
  const steps = bands ? { ArrowLeft: [-1, 0], ArrowRight: [1, 0] } : { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (!steps[key]) return null;
  const within = (x, most) => Math.max(0, Math.min(most - 1, x));
  return { i: within(i + steps[key][0], data.count), bin: within(bin + steps[key][1], data.bins), x: 0 };
}

// A bin of ours may hold a part of one that was written: its count is then only about right.
const aboutCount = (x) => (Number.isInteger(x) ? short(x) : `≈ ${Number(x.toPrecision(3))}`);

function Note({ data, hover, mode, kind, width }) {
  const { i, bin } = hover;
  const [low, high] = data.edges(bin);
  const when = html`<b>${kind === "step" ? "step " : ""}${timeText(kind)(data.time(i, kind))}</b> <span class="faint" title=${clock(data.wall[i])}>${kind === "step" ? "" : `step ${data.step[i]}`}</span>`;
  return html`<${Tip} x=${hover.x} width=${width}>${when}
    ${mode === "bands"
      ? html`<table>${PERCENTS.map((name, k) => html`<tr><td>${name}</td><td class="n">${short(data.band(i, k))}</td></tr>`).reverse()}</table>`
      : html`<div><b class="n">${aboutCount(data.at(i, bin))}</b> of ${short(data.total[i])} in</div><div class="n">[${short(low)}, ${short(high)}]</div>`}
  <//>`;
}

function Plot({ data, colour, label, mode, kind, height }) {
  const [hover, setHover] = useState(null);
  const width = useRef(300);
  const overlay = mode === "overlay";
  const onPoint = (x, y, wide, high) => {
    width.current = wide ?? width.current;
    if (x === null) setHover(null);
    else setHover(mode === "bands" ? bandAt(data, x, wide, kind) : ridgeAt(data, x, y, wide, high, overlay, kind));
  };
  const onKey = (event) => {
    const next = moved(data, hover, event.key, mode === "bands");
    if (next) setHover(next);
    return next !== null;
  };
  const here = hover && hover.i < data.count && hover.bin < data.bins ? hover : null;
  const draw = (context, wide, high) =>
    (mode === "bands" ? drawBands : drawRidges)(context, wide, high, data, colour, { overlay, kind, hover: here });
  return html`<div class="holder"><${Canvas} draw=${draw} deps=${[data, mode, kind, colour, here]} height=${height} label=${label} onPoint=${onPoint} onKey=${onKey} />
    ${here && html`<${Note} data=${data} hover=${here} mode=${mode} kind=${kind} width=${width.current} />`}</div>`;
}

// For a file: the percentiles of each step, or the count of each bin.
function rowsOf(data, mode) {
  const steps = Array.from(data.step, (step, i) => [i, step, data.wall[i]]);
  if (mode === "bands") return [["step", "wall_time", ...PERCENTS], ...steps.map(([i, ...when]) => [...when, ...PERCENTS.map((_, k) => data.band(i, k))])];
  const bins = Array.from({ length: data.bins }, (_, bin) => bin);
  return [["step", "wall_time", "left", "right", "count"], ...steps.flatMap(([i, ...when]) => bins.map((bin) => [...when, ...data.edges(bin), data.at(i, bin)]))];
}

function Card({ tag, run, mode, kind }) {
  const box = useRef();
  const visible = useVisible(box);
  const [wide, setWide] = useState(false);
  const version = useNews("histograms", (message) => message.run === run.name && message.tag === tag);
  const { value, error } = useAnswer("/api/histograms", visible ? { run: run.name, tag, bins: BINS } : null, { version, make });
  const data = useMemo(() => value && new Histograms(value), [value]);
  const height = wide ? 460 : 250;
  const problem = error || data?.error;
  return html`<article class=${"card entry" + (wide ? " wide" : "")} ref=${box} data-tag=${tag} data-run=${run.name}>
    <${CardHead} tag=${tag} run=${run}>${data?.count && html`<${SaveMenu} name=${`${tag} ${run.name}`} rows=${() => rowsOf(data, mode)}
      draw=${(context, w, h) => (mode === "bands" ? drawBands : drawRidges)(context, w, h, data, run.colour, { overlay: mode === "overlay", kind })} />`}<button class="quiet" title=${wide ? "Smaller" : "Larger"} aria-pressed=${wide} onClick=${() => setWide(!wide)}>⤢</button><//>
    ${visible && data?.count ? html`<${Plot} data=${data} colour=${run.colour} label=${`Histograms of ${tag}, ${run.name}`} mode=${mode} kind=${kind} height=${height} />`
      : html`<div style=${`height: ${height}px`}></div>`}
    ${problem && html`<${Problem} text=${data?.failed > 1 ? `${data.failed} steps cannot be shown; ${problem}` : problem} />`}
  </article>`;
}

export function HistogramsView() {
  const [mode, setMode] = useUrl("hist", "offset");
  const [kind, setKind] = useUrl("x", "step");
  const controls = html`
    <${Select} label="Show" value=${mode} choices=${{ offset: "ridges", overlay: "overlaid", bands: "percentiles" }} onInput=${setMode} />
    <${Select} label="Time" value=${kind} choices=${{ step: "step", relative: "relative", wall: "time of day" }} onInput=${setKind} />`;
  return html`<${RunCards} kind="histograms" what="histograms" empty="writer.add_histogram(tag, values, step)" controls=${controls}
    card=${(tag, run) => html`<${Card} key=${tag + "\n" + run.name} tag=${tag} run=${run} mode=${mode} kind=${kind} />`} />`;
}
