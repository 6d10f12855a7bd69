// Profiles: a timeline of a trace, the same as a flame graph, and time by op, module, line and node.
import { ask, listen, matcher } from "../board.js";
import { Select, Tick } from "../controls.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { clock } from "../numbers.js";
import { Flame } from "../profile/flame.js";
import { Table } from "../profile/table.js";
import { Timeline } from "../profile/timeline.js";
import { bytes, loadTrace, time } from "../profile/trace.js";
import { useUrl } from "../state.js";

const PARTS = { flame: "Flame graph", op: "Ops", module: "Modules", line: "Lines", node: "Nodes" };

// All traces, again whenever the server says that one is new.
function useTraces() {
  const [all, setAll] = useState(null);
  useEffect(() => {
    let timer = 0;
    const load = () => ask("/api/traces").then(({ traces }) => setAll(traces)).catch((error) => console.warn(error.message));
    const stop = listen((message) => {
      if (!["runs", "reload"].includes(message.type) && !(message.type === "entries" && message.kind === "profile")) return;
      clearTimeout(timer);
      timer = setTimeout(load, 100);
    });
    load();
    return () => (clearTimeout(timer), stop());
  }, []);
  return all;
}

// What a question is answered; asked again when the question or `version` is another one.
function useAnswer(load, key) {
  const [state, setState] = useState({ key: "", value: null, error: "" });
  useEffect(() => {
    if (!key) return;
    let alive = true;
    load()
      .then((value) => alive && setState({ key, value, error: "" }))
      .catch((error) => alive && setState({ key, value: null, error: error.message }));
    return () => (alive = false);
  }, [key]);
  return { ...state, waits: state.key !== key };
}

function Picker({ all, chosen, onInput }) {
  const runs = new Map();
  all.forEach((one) => runs.set(one.run, [...(runs.get(one.run) ?? []), one]));
  return html`<label class="control">Trace <select aria-label="Trace" onInput=${(e) => onInput(e.target.value)}>
    ${[...runs].map(([run, traces]) => html`<optgroup label=${run}>${traces.map((one) => html`<option value=${one.trace} selected=${one === chosen}>${run} · ${clock(one.time)} · ${one.name.slice(0, 40)}</option>`)}</optgroup>`)}
  </select></label>`;
}

function Sums({ trace, version, span }) {
  const [part, setPart] = useUrl("part", "flame");
  const [by, setBy] = useUrl("flameby", "call");
  const [filter, setFilter] = useUrl("pfilter", "");
  const isFlame = part === "flame";
  const question = { trace, by: isFlame ? by : part, ...(span ? { span } : {}) };
  const { value, error, waits } = useAnswer(() => ask(isFlame ? "/api/trace/flame" : "/api/trace/table", question), JSON.stringify([question, version, isFlame]));
  const test = useMemo(() => matcher(filter), [filter]);
  return html`<section class="card parts-card">
    <header><nav class="tabs" role="tablist">${Object.entries(PARTS).map(([name, title]) => html`<button role="tab" aria-selected=${part === name} onClick=${() => setPart(name)}>${title}</button>`)}</nav>
      ${isFlame && html`<${Select} label="by" value=${by} choices=${{ call: "call", module: "module", line: "line" }} onInput=${setBy} />`}
      <input type="search" placeholder="Filter (regex)" aria-label="Filter rows" value=${filter} onInput=${(e) => setFilter(e.target.value)} /></header>
    ${error && html`<p class="none">${error}</p>`}
    <div class=${waits ? "waits" : ""}>${isFlame ? value?.tree && html`<${Flame} tree=${value.tree} filter=${filter ? test : null} />` : value?.rows && html`<${Table} by=${part} rows=${value.rows} filter=${test} />`}</div>
  </section>`;
}

export function Profile() {
  const all = useTraces();
  const [name, setName] = useUrl("trace", "");
  const [step, setStep] = useUrl("pstep", "");
  const [follow, setFollow] = useUrl("pview", false);
  const [look, setLook] = useState(null);
  const timer = useRef(0);
  const newest = all?.reduce((best, one) => (!best || one.time >= best.time ? one : best), null);
  const chosen = all?.find((one) => one.trace === name) ?? newest;
  const version = chosen ? JSON.stringify([chosen.trace, chosen.size, chosen.time]) : "";
  const { value: trace, error, waits } = useAnswer(() => loadTrace(chosen.trace), version);
  const mark = trace?.steps.find(([number]) => number === step);
  const span = useMemo(() => (mark ? [mark[1], mark[2]] : null), [mark?.[1], mark?.[2]]);
  const onLook = (a, b) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setLook([Math.round(a * 1e3) / 1e3, Math.round(b * 1e3) / 1e3]), 200);
  };
  if (all && !all.length)
    return html`<p class="none">No traces yet. Profile some steps with on_trace_ready=rushlight.profiler.tensorboard_trace_handler(run_folder); any *.trace.json below the log folder is shown.</p>`;
  const steps = trace?.steps.length ? { "": "all", ...Object.fromEntries(trace.steps.map(([number, a, b]) => [number, `${number} · ${time(b - a)}`])) } : null;
  return html`<div class="bar profile">
      ${all && html`<${Picker} all=${all} chosen=${chosen} onInput=${(next) => (setName(next), setStep(""))} />`}
      ${steps && html`<${Select} label="Step" value=${mark ? step : ""} choices=${steps} onInput=${setStep} />`}
      <${Tick} label="Sums of what the timeline shows" value=${follow} onInput=${setFollow} />
      ${trace && html`<span class="faint">${trace.all.toLocaleString("en")} events, ${time(trace.end)}, ${bytes(chosen.size)}</span>`}
    </div>
    ${error && html`<p class="none">${error}</p>`}
    ${trace && html`${(trace.note || trace.all > trace.count) && html`<p class="note">${[trace.note, trace.all > trace.count && `the timeline draws the ${trace.count.toLocaleString("en")} longest events; the sums have all`].filter(Boolean).join("; ")}</p>`}
      <section class=${"card" + (waits ? " waits" : "")}><${Timeline} trace=${trace} span=${span} onLook=${onLook} /></section>
      <${Sums} trace=${chosen.trace} version=${version} span=${follow && look ? look : span} />`}`;
}
