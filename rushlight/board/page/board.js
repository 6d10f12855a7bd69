// The board as the page knows it: the runs and their tags, and the live connection.
import { useEffect, useState } from "./lib.js";
import { useUrl } from "./state.js";
import { colourOf } from "./colours.js";

export const board = { logdir: "", runs: [], tags: {}, last: null, connected: false, loaded: false };
const listeners = new Set();
const watchers = new Map(); // tag -> set of callbacks, for scalars
const others = new Set(); // callbacks for messages of any type
let socket = null;
let patience = 250; // ms until the next attempt to connect

export function changed() {
  listeners.forEach((tell) => tell());
}

// -- questions ------------------------------------------------------------------------------------

async function answered(response) {
  if (response.ok) return response;
  throw new Error((await response.text()).slice(0, 300) || response.statusText);
}

export async function ask(path, question) {
  const how = question === undefined ? {} : { method: "POST", body: JSON.stringify(question) };
  return (await answered(await fetch(path, how))).json();
}

// The head and the columns of float64 that server/numbers.py packs; `lengths` says how long each is.
export async function askPacked(path, question, lengths) {
  const response = await answered(await fetch(path, { method: "POST", body: JSON.stringify(question) }));
  const body = await response.arrayBuffer();
  const size = new DataView(body).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, size)));
  let at = 4 + size;
  const columns = lengths(head).map((n) => {
    const column = new Float64Array(body, at, n);
    at += 8 * n;
    return column;
  });
  return { head, columns };
}

// The runs by name, as the server told; `sets[k]` in an answer are the tags that several of them share.
const known = new Map();
const ranks = new Map(); // the place of each name among all in order, numbers in names by their size
let asked = { epoch: "", version: 0 };
let shared = ""; // kinds of which something lies beside the runs

// The length of the folders that all names begin with: what tells runs apart stands behind them.
function sharedStart(names) {
  const parts = (names[0] ?? "").split("/").slice(0, -1);
  let length = 0;
  for (const part of names.length > 1 ? parts : []) {
    const next = names[0].slice(0, length) + part + "/";
    if (!names.every((name) => name.startsWith(next))) break;
    length = next.length;
  }
  return length;
}

const collator = new Intl.Collator(undefined, { numeric: true }); // far faster than localeCompare

function rank(runs) {
  if (ranks.size !== runs.length || !runs.every((run) => ranks.has(run.name))) {
    ranks.clear();
    runs.map((run) => run.name).sort(collator.compare).forEach((name, k) => ranks.set(name, k));
  }
  runs.forEach((run) => (run.rank = ranks.get(run.name)));
}

function take(found) {
  if (found.all) known.clear();
  found.gone.forEach((name) => known.delete(name));
  found.runs.forEach((run) => known.set(run.name, { ...run, ownColour: run.colour, kinds: found.sets[run.set] }));
  asked = { epoch: found.epoch, version: found.version };
  const runs = [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  rank(runs);
  const tags = Object.create(null); // a plugin or a tag may be called __proto__
  const start = sharedStart(runs.map((run) => run.name));
  runs.forEach((run, k) => {
    run.colour = run.ownColour ?? colourOf(run.name);
    run.title = run.label ?? run.name.slice(start);
    for (const [kind, names] of Object.entries(run.kinds)) {
      const all = (tags[kind] ??= Object.create(null));
      names.forEach((name) => (all[name] ??= []).push(k));
    }
  });
  found.shared.forEach((kind) => (tags[kind] ??= { "": [] }));
  shared = String(found.shared);
  Object.assign(board, { runs, tags, logdir: found.logdir, loaded: true });
}

// Asks what changed in the list of runs. Asked again meanwhile, it asks once more when the answer is there.
let loading = null, again = false;
export function loadRuns() {
  if (loading) again = true;
  loading ??= ask(`/api/changes?since=${asked.version}&epoch=${asked.epoch}`)
    .then((found) => {
      const same = !found.all && !found.runs.length && !found.gone.length && shared === String(found.shared);
      if (same && board.loaded) return;
      take(found);
      changed();
    })
    .catch((error) => console.warn(error.message))
    .finally(() => {
      loading = null;
      if (again) setTimeout(loadRuns, 100);
      again = false;
    });
  return loading;
}

// Sets label, colour, note or hidden of runs, for everybody who looks.
export const annotate = (runs, fields) => ask("/api/annotate", { runs: runs.map((run) => run.name), ...fields });

// -- the live connection --------------------------------------------------------------------------

export function send(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

let shownRuns = null; // names; of others no points are sent
function sendWatched() {
  send({ type: "watch", tags: [...watchers.keys()], batch: true, ...(shownRuns ? { runs: shownRuns } : {}) });
}

export function watchRuns(names) {
  shownRuns = names;
  queueMicrotask(sendWatched);
}

// Calls callback(message) for new points of a scalar, and with {type: "reload"} when some may have been missed.
export function watch(tag, callback) {
  if (!watchers.has(tag)) watchers.set(tag, new Set());
  watchers.get(tag).add(callback);
  queueMicrotask(sendWatched);
  return () => {
    watchers.get(tag)?.delete(callback);
    if (!watchers.get(tag)?.size) watchers.delete(tag);
    queueMicrotask(sendWatched);
  };
}

// Calls callback(message) for every message of the server.
export function listen(callback) {
  others.add(callback);
  return () => others.delete(callback);
}

let runsTimer = 0;
function receive(message) {
  if (message.type === "batch") return message.messages.forEach(receive);
  if (message.type === "scalars" || message.type === "stale") {
    watchers.get(message.tag)?.forEach((tell) => tell(message));
  } else if (message.type === "runs" || message.type === "reload") {
    runsTimer ||= setTimeout(() => ((runsTimer = 0), loadRuns()), 100);
  }
  if (message.type === "reload") watchers.forEach((all) => all.forEach((tell) => tell(message)));
  others.forEach((tell) => tell(message));
}

export function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/live`);
  socket.onopen = () => {
    patience = 250;
    board.connected = true;
    sendWatched();
    loadRuns();
    receive({ type: "reload" }); // what was missed while there was no connection
    changed();
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = () => {
    board.connected = false;
    changed();
    setTimeout(connect, patience);
    patience = Math.min(patience * 2, 5000);
  };
}

// -- what components use --------------------------------------------------------------------------

// The board; the component is drawn again when runs, tags or the connection change.
export function useBoard() {
  const [, again] = useState(0);
  useEffect(() => {
    const tell = () => again((n) => n + 1);
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, []);
  return board;
}

export const SHOWN_AT_FIRST = 40; // of more runs, only so many are ticked until the user ticks others

// A test for names by a regular expression; text that is none is searched for as it is.
export function matcher(text) {
  try {
    const expression = new RegExp(text, "i");
    return (name) => expression.test(name);
  } catch {
    return (name) => name.includes(text);
  }
}

// The group of a run: what an expression captures (or matches) of its name, or with "path" its folder.
export function groupOf(run, expression) {
  if (!expression) return "";
  if (expression === "path") return run.name.includes("/") ? run.name.slice(0, run.name.lastIndexOf("/")) : "";
  try {
    const found = new RegExp(expression).exec(run.name);
    return found ? (found[1] ?? found[0]) : "";
  } catch {
    return "";
  }
}

const ORDERS = {
  name: (a, b) => a.rank - b.rank,
  newest: (a, b) => b.started - a.started || ORDERS.name(a, b),
  last: byLast,
};

// Known before a run is read, and the same ever after: those shown at first don't change while reading goes on.
const LATEST = (a, b) => b.found - a.found || ORDERS.name(a, b);

// By the last value of a tag, which sidebar.js keeps in board.last; those without one at the end.
function byLast(a, b) {
  const [x, y] = [a, b].map((run) => board.last?.values.get(run.name) ?? Infinity);
  return (x === y ? 0 : x - y) || ORDERS.name(a, b);
}

// The runs a user ticked, as the address keeps them: "+a,b" these alone, "-a,b" the usual but these, "*a,b" all but.
const tickedNames = (ticked) => new Set(ticked.slice(1).split(",").filter(Boolean).map(decodeURIComponent));

function chosenRuns(runs, { filter, ticked, order, withHidden, group, groupColour }, setTicked) {
  const fits = matcher(filter);
  const listed = runs.filter((run) => (withHidden || !run.hidden) && (fits(run.name) || (run.label && fits(run.label))));
  listed.forEach((run) => {
    run.group = groupOf(run, group);
    run.colour = run.ownColour ?? colourOf(group && groupColour && run.group ? "group " + run.group : run.name);
  });
  const sign = ticked[0], names = tickedNames(ticked);
  const usual = new Set([...listed].sort(LATEST).slice(0, SHOWN_AT_FIRST).map((run) => run.name));
  listed.sort(ORDERS[order.split(":")[0]] ?? ORDERS.name);
  const isShown = (run) => (sign === "+" ? names.has(run.name) : (sign === "*" || usual.has(run.name)) && !names.has(run.name));
  const shown = listed.filter(isShown);
  const write = (sign, set) => setTicked(set.size || sign !== "-" ? sign + [...set].map(encodeURIComponent) : "");
  const set = (some, on) => {
    const but = sign === "*" || (sign !== "+" && some.every((run) => usual.has(run.name))); // the list says what is not
    const next = but || sign === "+" ? new Set(names) : new Set(shown.map((run) => run.name));
    some.forEach((run) => (on !== but ? next.add(run.name) : next.delete(run.name)));
    write(but ? sign || "-" : "+", next);
  };
  const only = (chosen) => (chosen.length && chosen.length === runs.length ? setTicked("*") : write("+", new Set(chosen.map((run) => run.name))));
  return { listed, shown, isShown, toggle: (run) => set([run], !isShown(run)), set, only, all: () => setTicked("") };
}

let latest = { key: [], found: null }; // all components that ask get the same lists, made once

// {listed: the runs the filter lets through, in order; shown: those also ticked; toggle, only, set, all}.
export function useRuns() {
  const { runs, last } = useBoard();
  const [filter] = useUrl("runs", "");
  const [ticked, setTicked] = useUrl("ticked", "");
  const [order] = useUrl("order", "name");
  const [withHidden] = useUrl("hidden", false);
  const [group] = useUrl("group", "");
  const [groupColour] = useUrl("groupcolour", false);
  const key = [runs, filter, ticked, order, withHidden, group, groupColour, last];
  if (key.some((part, k) => part !== latest.key[k]))
    latest = { key, found: chosenRuns(runs, { filter, ticked, order, withHidden, group, groupColour }, setTicked) };
  return latest.found;
}
