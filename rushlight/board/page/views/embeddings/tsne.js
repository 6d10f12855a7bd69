// t-SNE: started here, computed by the server; positions come while it iterates.
import { listen, send } from "../../board.js";
import { html, useEffect, useRef, useState } from "../../lib.js";
import { cloudOf } from "./camera.js";

function positionsOf(message) {
  const bytes = Uint8Array.from(atob(message.positions), (c) => c.charCodeAt(0));
  const all = new Float32Array(bytes.buffer), { dims } = message, n = all.length / dims;
  return Array.from({ length: dims }, (_, k) => Float32Array.from({ length: n }, (_, i) => all[i * dims + k]));
}

// [state of the job, cloud, actions]; `question` names the embedding; another one ends the job.
export function useTsne(question) {
  const [job, setJob] = useState({ state: "idle" });
  const [cloud, setCloud] = useState(null);
  const mine = useRef(0), waiting = useRef(false);
  useEffect(() => {
    const stop = listen((message) => {
      if (message.type === "reload") {
        mine.current = 0;
        setJob((old) => (["running", "preparing", "paused"].includes(old.state) ? { ...old, state: "failed", message: "the connection was lost: start it again" } : old));
      }
      if (message.type !== "tsne") return;
      if (waiting.current && (message.state === "preparing" || message.job === 0)) [mine.current, waiting.current] = [message.job, false];
      if (message.job !== mine.current) return;
      setJob((old) => ({ ...old, ...message, positions: undefined, message: message.message ?? "" }));
      if (message.positions) setCloud(cloudOf(positionsOf(message), message.dims));
    });
    return () => {
      stop();
      send({ type: "tsne", action: "cancel" });
    };
  }, []);
  useEffect(() => {
    if (cloud) requestAnimationFrame(() => send({ type: "tsne", action: "ready" })); // drawn: the next may come
  }, [cloud]);
  const key = JSON.stringify(question);
  useEffect(() => () => {
    send({ type: "tsne", action: "cancel" });
    mine.current = 0;
    setJob({ state: "idle" });
    setCloud(null);
  }, [key]);
  const start = (settings) => {
    waiting.current = true;
    mine.current = 0;
    setJob({ state: "preparing", iteration: 0, iterations: settings.iterations });
    send({ type: "tsne", action: "start", ...question, ...settings });
  };
  const say = (action) => send({ type: "tsne", action });
  const resume = () => (setJob((old) => ({ ...old, state: "running" })), say("resume"));
  return [job, cloud, { start, pause: () => say("pause"), resume, cancel: () => (say("resume"), say("cancel")) }];
}

export function TsnePanel({ job, actions, settings, set, size }) {
  const running = ["preparing", "running", "paused"].includes(job.state);
  const most = Math.max(2, Math.floor((size - 1) / 3));
  const field = (name, title, min, max, hint) => html`<label>${title}<input type="number" min=${min} max=${max} value=${settings[name] || ""} placeholder=${hint}
    disabled=${running} onChange=${(e) => set[name](Math.min(Math.max(Number(e.target.value) || 0, min), max))} /></label>`;
  const part = job.iterations ? Math.min((job.iteration ?? 0) / job.iterations, 1) : 0;
  return html`<fieldset class="tsne"><legend>t-SNE</legend>
    <div class="fields">${field("perplexity", "Perplexity", 2, Math.min(most, 500), "30")}${field("rate", "Learning rate", 0, 100000, "auto")}
      ${field("iterations", "Iterations", 1, 20000, "1000")}</div>
    <div class="row">
      ${!running && html`<button class="do" onClick=${() => actions.start(settings)}>${job.state === "idle" ? "Start" : "Start again"}</button>`}
      ${job.state === "running" && html`<button class="do" onClick=${actions.pause}>Pause</button>`}
      ${job.state === "paused" && html`<button class="do" onClick=${actions.resume}>Go on</button>`}
      ${running && html`<button class="do plain" onClick=${actions.cancel}>Stop</button>`}
    </div>
    ${job.state !== "idle" && html`<progress max="1" value=${part} aria-label="t-SNE iterations"></progress>
      <p class=${job.state === "failed" ? "failed" : "faint"} role="status">${
        job.state === "failed" ? job.message : job.state === "preparing" ? "measuring distances…" :
        `${job.state === "running" ? "" : job.state + ": "}iteration ${job.iteration}, KL divergence ${job.divergence}`}</p>`}
  </fieldset>`;
}
