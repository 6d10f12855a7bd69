// The environments that are shown: read once, then kept up to date by numbered operations. After a lost
// connection the page asks for what follows the last number it has seen, and gets exactly that.
import { ask, listen, send } from "../board.js";
import { useEffect, useState } from "../lib.js";
import { apply } from "./edits.js";

const known = new Map(); // name -> {life, n, jsons, layout, versions}; null while it is read
const listeners = new Set();
let shown = [], names = ["main"], error = "";

let drawing = 0;
function changed() {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    listeners.forEach((tell) => tell());
  });
}

function subscribe() {
  const envs = {};
  for (const name of shown) if (known.get(name)) envs[name] = [known.get(name).life, known.get(name).n];
  send({ type: "panes", envs });
}

async function read(name) {
  if (known.get(name) === null) return;
  const before = known.get(name);
  known.set(name, null);
  try {
    const { life, n, jsons, reload } = await ask("/api/panes?env=" + encodeURIComponent(name));
    const versions = new Map(Object.keys(jsons).map((win) => [win, `${life}.${n}`]));
    known.set(name, { life, n, jsons, layout: reload, versions });
  } catch (problem) {
    before ? known.set(name, before) : known.delete(name);
    console.info(problem.message); // the connection is lost; the next one asks again
    return;
  }
  subscribe();
  changed();
}

const OPERATIONS = {
  window: (env, op) => (env.jsons[op.win] = op.pane),
  edit: (env, op) => env.jsons[op.win] && apply(env.jsons[op.win], op.edits),
  close: (env, op) => [env.jsons, env.layout].forEach((of) => delete of[op.win]),
  all: (env, op) => Object.assign(env, { jsons: op.jsons, layout: op.reload }),
  layout: (env, op) =>
    Object.entries(op.reload).forEach(([win, place]) => (place ? (env.layout[win] = place) : delete env.layout[win])),
  open: () => {},
};

function take({ env: name, life, from, n, ops }) {
  const env = known.get(name);
  if (!env || env.life !== life) return;
  if (from > env.n) return subscribe(); // something was lost on the way
  for (const op of ops) {
    if (op.n <= env.n) continue;
    OPERATIONS[op.do](env, op);
    if (op.win) env.versions.set(op.win, op.n);
    else if (op.do === "all") env.versions = new Map(Object.keys(op.jsons).map((win) => [win, op.n]));
  }
  env.n = Math.max(env.n, n);
  changed();
}

listen((message) => {
  if (message.type === "panes") take(message);
  else if (message.type === "panes_stale") setTimeout(() => read(message.env), 300);
  else if (message.type === "envs") {
    names = message.names;
    changed();
  } else if (message.type === "reload" && shown.length) {
    shown.forEach((name) => !known.get(name) && read(name));
    subscribe();
    loadNames();
  }
});

export function loadNames() {
  return ask("/api/panes/envs").then((found) => {
    names = found;
    changed();
  }).catch((problem) => console.info(problem.message));
}

// {names: all there are, envs: [[name, environment]] of those chosen, error}
export function useEnvironments(chosen) {
  const [, again] = useState(0);
  useEffect(() => {
    const tell = () => again((k) => k + 1);
    listeners.add(tell);
    loadNames();
    return () => {
      listeners.delete(tell);
      shown = [];
      subscribe();
    };
  }, []);
  useEffect(() => {
    shown = chosen;
    chosen.forEach((name) => known.get(name) ?? read(name));
    subscribe();
  }, [chosen.join("\n")]);
  return { names, envs: chosen.filter((name) => known.get(name)).map((name) => [name, known.get(name)]), error };
}

// -- what the user does ------------------------------------------------------------------------------

const waiting = new Map(); // key -> {path, question}: the last of a key counts
let delivering = false, count = 0;

// Posts in order, and again until the server has it: nothing is lost when the connection is.
export function deliver(path, question, key = `#${count++}`) {
  waiting.delete(key);
  waiting.set(key, { path, question });
  if (!delivering) run();
}

async function run() {
  delivering = true;
  while (waiting.size) {
    const [key, item] = waiting.entries().next().value;
    try {
      const response = await fetch(item.path, { method: "POST", body: JSON.stringify(item.question) });
      error = response.ok ? "" : (await response.text()).slice(0, 300);
      if (error) changed();
    } catch {
      await new Promise((go) => setTimeout(go, 500));
      continue;
    }
    if (waiting.get(key) === item) waiting.delete(key);
  }
  delivering = false;
}

export const happened = (env, win, event, key) =>
  deliver("/api/panes/event", { eid: env, target: win, ...event }, key && `${env}/${win}/${key}`);
export const closeWindow = (env, win) => deliver("/api/panes/closed", { eid: env, target: win, event_type: "close" });
export const arrange = (env, layout) => deliver("/api/panes/do/arrange", { eid: env, layout }, `arrange ${env}`);

// Moves windows at once; the server's answer is the same.
export function place(env, layout) {
  const found = known.get(env);
  if (!found) return;
  OPERATIONS.layout(found, { reload: layout });
  arrange(env, layout);
  changed();
}
