// Environments of windows, as programs show them with Panel or Visdom's client.
import { matcher } from "../board.js";
import { Tick } from "../controls.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { compared } from "../panes/compare.js";
import { COLUMNS, GAP, ROW, arranged, units } from "../panes/grid.js";
import { KINDS } from "../panes/kinds.js";
import { download } from "../panes/plotly.js";
import { closeWindow, deliver, happened, place, useEnvironments } from "../panes/store.js";
import { useUrl } from "../state.js";
import { useVisible } from "../scalars/card.js";

const HEADER = 34; // pixels of a window that are not its content
const USUAL = { plot: [300, 240], properties: [330, 200], text: [330, 200], network: [380, 280], embeddings: [400, 320], image: [256, 256] };
const NARROW = 620; // pixels below which windows stand one below the other

function useWidth(element) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const watcher = new ResizeObserver(() => setWidth(element.current?.clientWidth ?? 0));
    watcher.observe(element.current);
    setWidth(element.current.clientWidth);
    return () => watcher.disconnect();
  }, []);
  return width;
}

// Every window of the environments that the filter lets through, in the order they were made.
function windowsOf(envs, filter) {
  const wanted = matcher(filter);
  return envs.flatMap(([env, { jsons, layout, versions }]) =>
    Object.entries(jsons)
      .map(([win, pane]) => ({ env, win, pane, key: `${env}/${win}`, at: layout[win], version: `${versions.get(win) ?? 0}` }))
      .filter(({ pane, win }) => wanted(pane.title || win))
      .sort((a, b) => (a.pane.i ?? 0) - (b.pane.i ?? 0)));
}

// A text that is short needs no more than its lines; the properties, their rows.
function usual({ type, content }) {
  const [width, height] = USUAL[type] ?? USUAL.image;
  if (type === "text" && !/<(svg|img|table|audio|video|pre)/i.test(content)) {
    const lines = String(content).split(/<br|<p|<li|<h\d|\n/i).reduce((sum, line) => sum + Math.ceil((line.length + 1) / 42), 0);
    return [width, Math.min(260, 22 * lines)];
  }
  return type === "properties" && Array.isArray(content) ? [width, Math.min(420, 36 * content.length)] : [width, height];
}

// How many units a window is wide and high: as the user made it, else as its program asked.
function size({ pane, at }, unit, columns) {
  const [width, height] = usual(pane);
  const w = at?.w ?? units((pane.width ?? width) + 20, unit, 2, columns);
  const h = at?.h ?? units((pane.height ?? height) + HEADER + 14, ROW, 3, 40);
  return { w: columns === 1 ? 1 : w, h };
}

function Grid({ windows, several }) {
  const box = useRef();
  const width = useWidth(box);
  const columns = width < NARROW ? 1 : COLUMNS;
  const unit = (width - GAP * (columns - 1)) / columns;
  const [held, setHeld] = useState(null); // the window under the user's hand: {key, x, y, w, h, dx, dy}
  const items = windows.map((each) => {
    const found = { key: each.key, ...size(each, unit, columns) };
    const at = columns === 1 ? undefined : each.at;
    if (held?.key === each.key) return { ...found, x: held.x, y: held.y - 0.5, w: held.w, h: held.h };
    return Number.isFinite(at?.x) ? { ...found, x: at.x, y: at.y } : found;
  });
  const { places, height } = arranged(items, columns);
  const keep = () => { // every window shown stays where it is seen now
    const byEnv = new Map();
    windows.filter((each) => !each.merged).forEach(({ env, win, key }) =>
      byEnv.set(env, { ...byEnv.get(env), [win]: places.get(key) }));
    byEnv.forEach((layout, env) => place(env, layout));
  };
  const moves = { unit, columns, places, held, setHeld, keep };
  return html`<div class="grid" ref=${box} style=${`height: ${height * (ROW + GAP)}px`}>
    ${width > 0 && windows.map((each) => html`<${Window} key=${each.key} each=${each} moves=${moves} several=${several} />`)}
  </div>`;
}

// Starts to move or resize with the pointer: `change` makes the place from the one before and units moved.
function useHold({ unit, places, setHeld, keep }, key, change) {
  const latest = useRef();
  latest.current = keep;
  return (event) => {
    if (event.button !== 0 || event.target.closest("button, a, input")) return;
    event.preventDefault();
    event.currentTarget.closest("article").focus({ preventScroll: true });
    const start = places.get(key), [x0, y0] = [event.pageX, event.pageY];
    let moved = false;
    const move = ({ pageX, pageY }) => {
      moved ||= Math.hypot(pageX - x0, pageY - y0) > 4;
      const dx = Math.round((pageX - x0) / (unit + GAP)), dy = Math.round((pageY - y0) / (ROW + GAP));
      if (moved) setHeld({ key, ...change(start, dx, dy), dx: pageX - x0, dy: pageY - y0, start });
    };
    const end = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (moved) latest.current();
      setHeld(null);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  };
}

const moved = ({ x, y, w, h }, dx, dy) => ({ x: Math.max(0, Math.min(COLUMNS - w, x + dx)), y: Math.max(0, y + dy), w, h });
const resized = ({ x, y, w, h }, dx, dy) => ({ x, y, w: Math.max(2, Math.min(COLUMNS - x, w + dx)), h: Math.max(4, h + dy) });
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function Window({ each, moves, several }) {
  const { env, win, pane, key, version, merged } = each;
  const box = useRef();
  const visible = useVisible(box);
  const { unit, columns, places, held } = moves;
  const { x, y, w, h } = places.get(key);
  const drag = useHold(moves, key, moved), stretch = useHold(moves, key, resized);
  const pixels = { left: x * (unit + GAP), top: y * (ROW + GAP), width: w * (unit + GAP) - GAP, height: h * (ROW + GAP) - GAP };
  const style = Object.entries(pixels).map(([name, value]) => `${name}: ${value}px`).join("; ");
  const press = (event) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.key === "Tab") return;
    if (event.altKey && ARROWS[event.key] && !merged) {
      const change = (event.shiftKey ? resized : moved)({ x, y, w, h }, ...ARROWS[event.key]);
      event.preventDefault();
      // a step up or down goes past the neighbour: units alone would fall back to where it was
      const past = event.shiftKey ? change.y : y + ARROWS[event.key][1] * (event.key === "ArrowDown" ? h + 1 : h + 1);
      return place(env, { [win]: { ...change, y: event.shiftKey || !ARROWS[event.key][1] ? change.y : Math.max(0, past) } });
    }
    if (event.altKey || merged) return;
    event.stopPropagation();
    if (event.key === " " || ARROWS[event.key]) event.preventDefault();
    happened(env, win, { event_type: "KeyPress", key: event.key, key_code: event.keyCode });
  };
  const Kind = KINDS[pane.type];
  const name = pane.title || win;
  return html`<article class=${"window" + (held?.key === key ? " held" : "")} ref=${box} style=${style} tabindex="0" data-win=${win}
      data-env=${env} aria-label=${`${name} (${pane.type})`} onKeyDown=${press}>
    <header class=${merged || columns === 1 ? "" : "movable"} onPointerDown=${merged || columns === 1 ? undefined : drag}>
      <h3 title=${name}>${pane.title ? pane.title : html`<span class="faint">${pane.type === "plot" ? "" : pane.type.replace("_", " ")}</span>`}</h3>
      ${several && html`<span class="env" title="Environment">${env}</span>`}
      ${pane.type === "plot" && html`<button class="quiet" title="Save as PNG (with Shift: SVG)"
        onClick=${(e) => download(box.current.querySelector(".figure"), e.shiftKey ? "svg" : "png", name)}>⤓</button>`}
      ${!merged && html`<button class="quiet" title="Close" aria-label=${`Close ${name}`} onClick=${() => closeWindow(env, win)}>×</button>`}
    </header>
    <div class="content ${pane.type}">${visible && (Kind
      ? html`<${Kind} env=${env} pane=${pane} version=${version} />`
      : html`<p class="problem">There is no way to show a window of type “${String(pane.type)}”.</p>`)}</div>
    ${!merged && columns > 1 && html`<span class="corner" title="Resize" onPointerDown=${stretch}></span>`}
  </article>`;
}

// -- the bar above -----------------------------------------------------------------------------------

function Chips({ names, chosen, choose }) {
  const toggle = (name, event) => {
    const more = event.ctrlKey || event.metaKey || event.shiftKey || chosen.includes(name);
    const next = !more ? [name] : chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name];
    choose(next.length ? next : [name]);
  };
  const add = (name) => choose(chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
  return html`<div class="chips" role="group" aria-label="Environments">${names.map((name) => html`<span class="chip" key=${name}
      data-on=${chosen.includes(name)}><button aria-pressed=${chosen.includes(name)} onClick=${(event) => toggle(name, event)}>${name}</button>
      ${names.length > 1 && html`<button class="more" title=${chosen.includes(name) ? "Show no longer" : "Show as well"}
        aria-label=${(chosen.includes(name) ? "Hide " : "Show also ") + name} onClick=${() => add(name)}>${chosen.includes(name) ? "−" : "+"}</button>`}</span>`)}</div>`;
}

// Asks for a name, or for a second click, before something is done.
function Act({ label, title, ask, sure, act }) {
  const [open, setOpen] = useState(false);
  const field = useRef();
  useEffect(() => field.current?.focus(), [open]);
  const go = () => {
    const value = ask === undefined ? true : field.current.value.trim();
    setOpen(false);
    if (value) act(value);
  };
  const keys = (event) => (event.key === "Enter" ? go() : event.key === "Escape" && setOpen(false));
  if (!open) return html`<button class="action" title=${title} onClick=${() => (ask === undefined && !sure ? act() : setOpen(true))}>${label}</button>`;
  return html`<span class="asking">${ask !== undefined && html`<input type="text" ref=${field} aria-label=${title} value=${ask} onKeyDown=${keys} />`}
    <button class="action" onClick=${go}>${sure ?? label}</button><button class="quiet" onClick=${() => setOpen(false)}>Cancel</button></span>`;
}

export function Panels() {
  const [text, setText] = useUrl("envs", "main");
  const [filter, setFilter] = useUrl("windows", "");
  const [compare, setCompare] = useUrl("compare", false);
  const chosen = useMemo(() => text.split(",").filter(Boolean).map(decodeURIComponent).slice(0, 100), [text]);
  const choose = (names) => setText(names.map(encodeURIComponent).join(","));
  const { names, envs, error } = useEnvironments(chosen);
  const all = windowsOf(envs, filter);
  const windows = compare && envs.length > 1 ? compared(all) : all;
  const one = chosen.length === 1 ? chosen[0] : null;
  const tidy = () => envs.forEach(([env, { layout }]) => place(env, Object.fromEntries(Object.keys(layout).map((win) => [win, null]))));
  const fork = (name) => {
    deliver("/api/panes/do/fork_env", { prev_eid: one, eid: name });
    choose([name.replaceAll("/", "_")]);
  };
  const remove = () => {
    deliver("/api/panes/do/delete_env", { eid: one });
    choose(["main"]);
  };
  return html`<div class="bar panels">
      <input type="search" placeholder="Filter windows (regex)" aria-label="Filter windows" value=${filter} onInput=${(e) => setFilter(e.target.value)} />
      <${Chips} names=${[...new Set([...names, ...chosen])]} chosen=${chosen} choose=${choose} />
      ${chosen.length > 1 && html`<${Tick} label="Compare" value=${compare} onInput=${setCompare} />`}
      <span class="actions">
        <${Act} label="Arrange" title="Put windows in rows again" act=${tidy} />
        ${one && html`<${Act} label="Save" title="Write the environment to a file, as Visdom does" act=${() => deliver("/api/panes/do/save", { data: [one] })} />
        <${Act} label="Fork" title="Name of the copy" ask=${one + " copy"} act=${fork} />
        <${Act} label="Delete" title="Delete the environment" sure=${`Delete ${one}?`} act=${remove} />`}
        <${Act} label="Share" title="Copy the address of what is shown" act=${() => navigator.clipboard?.writeText(location.href)} />
      </span>
    </div>
    ${error && html`<p class="problem" role="alert">${error}</p>`}
    ${envs.length > 0 && !windows.length && html`<p class="none">${filter ? `No window matches “${filter}”.`
      : compare && chosen.length > 1 ? "These environments have no plots of the same title."
      : html`No windows yet: <code>rushlight.board.Panel("${chosen[0]}").line(Y)</code> makes one, and so does Visdom's client on this port.`}</p>`}
    <${Grid} windows=${windows} several=${chosen.length > 1} />`;
}
