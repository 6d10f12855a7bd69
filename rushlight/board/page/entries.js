// Entries of tags (images, text, histograms ...): which steps there are, and what is at one of them.
import { ask, board, listen, matcher, useBoard, useRuns } from "./board.js";
import { html, useEffect, useMemo, useRef, useState } from "./lib.js";
import { Groups } from "./groups.js";
import { clock, duration, fromJson } from "./numbers.js";
import { get, set, useUrl } from "./state.js";
import { useVisible } from "./scalars/card.js";

// A counter that rises, at most five times a second, when something new of a kind comes for which wanted(message).
export function useNews(kind, wanted = () => true) {
  const [version, setVersion] = useState(0);
  const latest = useRef(wanted);
  latest.current = wanted;
  useEffect(() => {
    let timer = 0;
    const stop = listen((message) => {
      const mine = message.type === "entries" && message.kind === kind && latest.current(message);
      if (!timer && (mine || message.type === "reload")) timer = setTimeout(() => ((timer = 0), setVersion((n) => n + 1)), 200);
    });
    return () => (clearTimeout(timer), stop());
  }, [kind]);
  return version;
}

const remembered = new Map(); // answers that never change, the last ones asked for
const MOST_REMEMBERED = 300;

function rememberedAnswer(key, make) {
  if (!remembered.has(key)) {
    const made = make();
    remembered.set(key, made);
    made.then((value) => value.error && remembered.delete(key), () => remembered.delete(key)); // it may get better
    if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value);
  }
  return remembered.get(key);
}

// {value, error}: the answer to a question, by `make` if it isn't plain JSON. The last one stays until the next is
// there. No question (null): nothing is asked. `version`: ask again when it changes; without, answers are for ever.
export function useAnswer(path, question, { version, make = ask } = {}) {
  const [answer, setAnswer] = useState({ value: null, error: "", key: "" });
  const key = question && JSON.stringify([path, question]);
  useEffect(() => {
    if (!question) return;
    let alive = true;
    const asked = version === undefined ? rememberedAnswer(key, () => make(path, question)) : make(path, question);
    asked.then(
      (value) => alive && setAnswer({ value: value.error ? null : value, error: value.error ?? "", key }),
      (error) => alive && setAnswer({ value: null, error: error.message, key }),
    );
    return () => (alive = false);
  }, [key, version]);
  return answer;
}

const rows = (line) => line.step.map((step, k) => ({ step, wall: fromJson(line.wall[k]), mark: line.mark[k] }));

// The steps of a tag in several runs: a Map from run to [{step, wall, mark}].
export function useEntries(kind, tag, names, visible) {
  const version = useNews(kind, (message) => message.tag === tag && names.includes(message.run));
  const { value, error } = useAnswer("/api/entries", visible && names.length ? { kind, tag, runs: names } : null, { version });
  const lines = useMemo(() => new Map((value?.lines ?? []).map((line) => [line.run, rows(line)])), [value]);
  return { lines, error, loaded: value !== null };
}

// [index, setIndex] of the entry looked at: the latest until another is chosen, which the address keeps.
export function useStep(name, entries) {
  const key = "at." + name;
  const [chosen, setChosen] = useState(() => get(key, ""));
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const last = entries.length - 1;
  const choose = (index) => {
    const k = Math.max(0, Math.min(last, index));
    const next = k === last ? "" : String(entries[k].step);
    setChosen(next);
    clearTimeout(timer.current); // browsers take few changes of the address a second
    timer.current = setTimeout(() => set(key, next, ""), 300);
  };
  const at = useMemo(() => (chosen === "" ? last : nearest(entries, Number(chosen))), [entries, chosen]);
  return [at, choose];
}

// The index of the entry whose step is closest.
export function nearest(entries, step) {
  let best = entries.length - 1;
  entries.forEach((entry, k) => Math.abs(entry.step - step) < Math.abs(entries[best].step - step) && (best = k));
  return best;
}

export function Steps({ entries, at, onStep, label }) {
  if (!entries.length) return html`<footer class="steps"></footer>`;
  const entry = entries[at];
  const since = entry.wall - entries[0].wall;
  return html`<footer class="steps">
    ${entries.length > 1 && html`<input type="range" min="0" max=${entries.length - 1} step="1" value=${at} aria-label=${`Step of ${label}`}
      aria-valuetext=${`step ${entry.step}`} onInput=${(e) => onStep(Number(e.target.value))} />`}
    <span class="n">step ${entry.step}</span>
    <span class="faint n" title=${clock(entry.wall)}>${Number.isFinite(since) && since > 0 ? duration(since) : ""}</span>
  </footer>`;
}

// Arrow keys on a card move through its steps; inputs keep their own keys.
export const stepKeys = (at, onStep) => (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!by || event.target.closest("input, select, textarea, audio, video, [data-keys]")) return;
  event.preventDefault();
  onStep(at + by);
};

export const titleOf = (tag) => tag.split("/").slice(1).join("/") || tag;

export function CardHead({ title, tag, run, children }) {
  return html`<header>
    <h3 title=${tag}>${title ?? titleOf(tag)}</h3>${children}
  </header>${run && html`<p class="of-run"><i class="dot" style=${`background: ${run.colour}`}></i> <span class="name" title=${run.name}>${run.title}</span></p>`}`;
}

export function Problem({ text }) {
  return html`<p class="problem" role="alert">${text}</p>`;
}

// One card for a tag of a run, with its steps: Body gets {entry, tag, run, kind, visible, settings, step(by)}.
export function StepCard({ kind, tag, run, title, settings, Body, wide = false }) {
  const box = useRef();
  const visible = useVisible(box);
  const { lines, error, loaded } = useEntries(kind, tag, [run.name], visible);
  const entries = lines.get(run.name) ?? [];
  const [at, setAt] = useStep(`${run.name}|${tag}`, entries);
  return html`<article class=${`card entry ${kind}` + (wide ? " wide" : "")} ref=${box} data-tag=${tag} data-run=${run.name} tabindex="0"
      aria-label=${`${tag}, ${run.name}`} onKeyDown=${stepKeys(at, setAt)}>
    <${CardHead} tag=${tag} title=${title} run=${run} />
    <div class="content">${error ? html`<${Problem} text=${error} />` : entries.length ? html`<${Body} entry=${entries[at]} tag=${tag} run=${run}
        kind=${kind} visible=${visible} settings=${settings} step=${(by) => setAt(at + by)} />` : loaded && html`<p class="faint">nothing here any more</p>`}</div>
    <${Steps} entries=${entries} at=${at} onStep=${setAt} label=${tag} />
  </article>`;
}

export const CARDS = 96; // drawn at first; more when asked for

export function More({ most, all, setMost }) {
  return all > most && html`<p class="none"><button class="more" onClick=${() => setMost(most + 2 * CARDS)}>Show more (${most} of ${all})</button></p>`;
}

// A view of cards, one for each tag and run: card(tag, run). `empty` says which call makes such data.
export function RunCards({ kind, what, empty, controls, card, perTag = false }) {
  const { tags, runs } = useBoard();
  const { shown } = useRuns();
  const [filter, setFilter] = useUrl("tags", "");
  const [most, setMost] = useState(CARDS);
  const pairs = useMemo(() => {
    const all = Object.entries(tags[kind] ?? {}).filter(([tag]) => matcher(filter)(tag)).sort(([a], [b]) => (a < b ? -1 : 1));
    return all.flatMap(([tag, having]) => {
      const own = new Set(having.map((k) => runs[k]?.name));
      const mine = shown.filter((run) => own.has(run.name));
      return perTag ? (mine.length ? [[tag, mine]] : []) : mine.map((run) => [tag, run]);
    });
  }, [tags, runs, shown, filter, kind]);
  const byTag = new Map();
  pairs.slice(0, most).forEach(([tag, run]) => byTag.set(tag, [...(byTag.get(tag) ?? []), run]));
  const none = filter ? `match “${filter}”` : tags[kind] ? "in the runs that are ticked" : `yet: ${empty} makes some`;
  return html`<div class="bar">
      <input type="search" placeholder="Filter tags (regex)" aria-label="Filter tags" value=${filter} onInput=${(e) => setFilter(e.target.value)} />
      ${controls}
    </div>
    ${board.loaded && !pairs.length && html`<p class="none">No ${what} ${none}.</p>`}
    <${Groups} names=${[...byTag.keys()]} card=${(tag) => byTag.get(tag).map((run) => card(tag, run))} />
    <${More} most=${most} all=${pairs.length} setMost=${setMost} />`;
}
