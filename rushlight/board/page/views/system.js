// The machine: processors, memory, disk, network, GPUs, and the processes of the trainings, once a second.
import { ask, listen, send, useBoard } from "../board.js";
import { Chart } from "../chart.js";
import { html, useEffect, useMemo, useState } from "../lib.js";
import { duration } from "../numbers.js";

const KEPT = 600; // samples

export function bytes(x) {
  if (x === null || x === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const k = x >= 1000 ? Math.min(Math.floor(Math.log2(x) / 10), units.length - 1) : 0;
  const size = x / 1024 ** k;
  return `${size.toFixed(k && size < 100 ? 1 : 0)} ${units[k]}`;
}
const percent = (x) => (x === null || x === undefined ? "–" : `${Math.round(100 * x)} %`);

// {facts, missing, history}: the past when the view opens, then what comes.
function useSystem() {
  const { connected } = useBoard();
  const [found, setFound] = useState({ facts: null, missing: [], history: [], error: "" });
  useEffect(() => {
    if (!connected) return;
    let alive = true;
    ask("/api/system").then(
      (all) => alive && setFound((old) => ({ ...all, history: merged(all.history, old.history), error: "" })),
      (error) => alive && setFound((old) => ({ ...old, error: error.message })),
    );
    const stop = listen((message) => {
      if (message.type === "system") setFound((old) => ({ ...old, history: merged(old.history, [message.sample]) }));
    });
    send({ type: "system", on: true });
    return () => {
      alive = false;
      stop();
      send({ type: "system", on: false });
    };
  }, [connected]);
  return found;
}

function merged(first, second) {
  const times = new Map([...first, ...second].map((sample) => [sample.time, sample]));
  return [...times.values()].sort((a, b) => a.time - b.time).slice(-KEPT);
}

function Plot({ title, now, history, lines, top }) {
  const data = useMemo(() => [history.map((s) => s.time - history.at(-1).time), ...lines.map(({ of }) => history.map((s) => of(s) ?? null))], [history]);
  const range = () => {
    let most = top ?? 0;
    if (!top) data.slice(1).forEach((column) => column.forEach((x) => (most = Math.max(most, x ?? 0))));
    return [0, (most || 1) * (top ? 1 : 1.1)];
  };
  return html`<article class="card"><header><h3>${title}</h3><span class="now">${now}</span></header>
    <${Chart} data=${data} lines=${lines.map(({ label, colour }) => ({ label, colour }))} version=${history.length} xKind="step" range=${range} height=${150} />
    ${lines.length > 1 && html`<p class="keys">${lines.map(({ label, colour }) => html`<span><i class="dot" style=${`background: ${colour}`}></i> ${label}</span>`)}</p>`}
  </article>`;
}

function Meter({ label, part, text, alarm = false }) {
  return html`<div class="meter"><span>${label}</span><i role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(100 * (part ?? 0))}>
    <b class=${alarm && part > 0.9 ? "full" : ""} style=${`width: ${100 * Math.min(part ?? 0, 1)}%`}></b></i><span class="n">${text}</span></div>`;
}

export function System() {
  const { facts, missing, history, error } = useSystem();
  const last = history.at(-1);
  if (error) return html`<p class="none failed">${error}</p>`;
  if (!facts || !last) return html`<p class="none" role="status">Asking the machine…</p>`;
  const { memory, disk, io, network } = last;
  const giga = (x) => (x === null || x === undefined ? null : x / 1024 ** 3), mega = (x) => (x === null || x === undefined ? null : x / 1024 ** 2);
  return html`<p class="facts"><strong>${facts.host}</strong> <span class="faint">${facts.model ? facts.model + ", " : ""}${facts.processors} processor${facts.processors > 1 ? "s" : ""}${last.load !== null ? `, load ${last.load.toFixed(2)}` : ""}; horizontal: seconds</span></p>
    <div class="cards">
      ${last.cpu !== null && html`<${Plot} title="Processors, %" now=${percent(last.cpu)} history=${history} top=${100} lines=${[{ label: "busy", colour: "#0077bb", of: (s) => s.cpu === null ? null : 100 * s.cpu }]} />`}
      ${memory && html`<${Plot} title="Memory, GB" now=${`${bytes(memory.used)} of ${bytes(memory.total)}`} history=${history} top=${giga(memory.total)} lines=${[{ label: "used", colour: "#009988", of: (s) => giga(s.memory?.used) }]} />`}
      ${io && html`<${Plot} title="Disks, MB/s" now=${bytes(io[0] + io[1]) + "/s"} history=${history} lines=${[{ label: "read", colour: "#0077bb", of: (s) => mega(s.io?.[0]) }, { label: "written", colour: "#ee7733", of: (s) => mega(s.io?.[1]) }]} />`}
      ${network && html`<${Plot} title="Network, MB/s" now=${bytes(network[0] + network[1]) + "/s"} history=${history} lines=${[{ label: "received", colour: "#0077bb", of: (s) => mega(s.network?.[0]) }, { label: "sent", colour: "#ee7733", of: (s) => mega(s.network?.[1]) }]} />`}
      ${last.gpus.map((gpu, k) => html`<${Plot} key=${"gpu" + k} title=${`GPU ${gpu.index}: ${gpu.name}, %`} history=${history} top=${100}
        now=${[percent(gpu.busy), `${bytes(gpu.used)} of ${bytes(gpu.total)}`, gpu.temperature === null ? "" : `${gpu.temperature} °C`, gpu.power === null ? "" : `${Math.round(gpu.power)} W`].filter(Boolean).join(", ")}
        lines=${[{ label: "busy", colour: "#6a994e", of: (s) => s.gpus[k]?.busy == null ? null : 100 * s.gpus[k].busy }, { label: "memory", colour: "#8c6bb1", of: (s) => s.gpus[k]?.total ? (100 * s.gpus[k].used) / s.gpus[k].total : null }]} />`)}
    </div>
    <section class="card wide meters"><h3>Now</h3><div class="grid">
      ${last.cores.map((part, k) => html`<${Meter} key=${k} label=${`Processor ${k}`} part=${part} text=${percent(part)} />`)}
      ${memory && memory.swap_total > 0 && html`<${Meter} label="Swap" alarm part=${memory.swap_used / memory.swap_total} text=${bytes(memory.swap_used)} />`}
      ${disk && html`<${Meter} label="Disk of the logs" alarm part=${disk.used / disk.total} text=${`${bytes(disk.total - disk.used)} free`} />`}
    </div></section>
    <section class="card wide"><h3>Processes of the trainings</h3>
      ${last.processes.length ? html`<${Processes} all=${last.processes} now=${last.time} />` : html`<p class="faint">No process of this machine writes these logs at the moment.</p>`}
    </section>
    ${missing.map((text) => html`<p class="faint">${text}</p>`)}`;
}

function Processes({ all, now }) {
  const depth = new Map();
  all.forEach((p) => depth.set(p.pid, depth.has(p.parent) ? depth.get(p.parent) + 1 : 0));
  return html`<div class="scroll"><table class="processes"><thead><tr><th>Process</th><th class="n">PID</th><th class="n">Processor</th><th class="n">Memory</th><th class="n">Threads</th><th class="n">Runs for</th></tr></thead>
    <tbody>${all.map((p) => html`<tr key=${p.pid}><td style=${`padding-left: ${0.4 + 1.1 * Math.min(depth.get(p.pid), 8)}rem`}>${p.name}</td><td class="n faint">${p.pid}</td><td class="n">${percent(p.cpu)}</td>
      <td class="n">${bytes(p.memory)}</td><td class="n">${p.threads}</td><td class="n faint">${duration(Math.max(now - p.started, 0))}</td></tr>`)}</tbody></table></div>`;
}
