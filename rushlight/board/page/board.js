// The board as the page knows it: the runs and their tags, and the live connection.
import { useEffect, useMemo, useState } from "./lib.js";
import { useUrl } from "./state.js";
import { colourOf } from "./colours.js";

export const board = { logdir: "", runs: [], tags: {}, connected: false, loaded: false };
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

let loading = null;
export function loadRuns() {
  loading ??= ask("/api/runs")
    .then((found) => {
      found.runs.forEach((run) => (run.colour = colourOf(run.name)));
      Object.assign(board, found, { loaded: true });
      changed();
    })
    .catch((error) => console.warn(error.message))
    .finally(() => (loading = null));
  return loading;
}

// -- the live connection --------------------------------------------------------------------------

export function send(message) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function sendWatched() {
  send({ type: "watch", tags: [...watchers.keys()] });
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
  if (message.type === "scalars" || message.type === "stale") {
    watchers.get(message.tag)?.forEach((tell) => tell(message));
  } else if (message.type === "runs" || message.type === "reload") {
    clearTimeout(runsTimer);
    runsTimer = setTimeout(loadRuns, 100);
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

// {listed: the runs the filter lets through, shown: those also ticked, toggle, only}.
export function useRuns() {
  const { runs } = useBoard();
  const [filter] = useUrl("runs", "");
  const [ticked, setTicked] = useUrl("ticked", ""); // "-a,b": all but these; "+a,b": these alone
  return useMemo(() => {
    const listed = runs.filter((run) => matcher(filter)(run.name));
    const names = new Set(ticked.slice(1).split(",").filter(Boolean).map(decodeURIComponent));
    const byDefault = new Set(listed.slice(0, SHOWN_AT_FIRST).map((run) => run.name));
    const isShown = (run) =>
      ticked[0] === "+" ? names.has(run.name) : byDefault.has(run.name) && !names.has(run.name);
    const write = (sign, set) => setTicked(set.size || sign === "+" ? sign + [...set].map(encodeURIComponent) : "");
    const toggle = (run) => {
      const inDefault = ticked[0] !== "+" && byDefault.has(run.name);
      const sign = ticked[0] === "+" || !inDefault ? "+" : "-";
      const next = sign === "+" && ticked[0] !== "+" ? new Set(listed.filter(isShown).map((r) => r.name)) : names;
      next.has(run.name) ? next.delete(run.name) : next.add(run.name);
      write(sign, next);
    };
    const only = (chosen) => write("+", new Set(chosen.map((run) => run.name)));
    return { listed, shown: listed.filter(isShown), isShown, toggle, only, all: () => setTicked("") };
  }, [runs, filter, ticked]);
}
