// The runs: filtered, sorted, in groups, ticked; each with its colour and a panel to change what is said of it.
import { ask, board, changed, listen, loadRuns, useBoard, useRuns, watchRuns } from "./board.js";
import { Select, Tick } from "./controls.js";
import { html, useEffect, useMemo, useRef, useState } from "./lib.js";
import { short } from "./numbers.js";
import { Details, Trash, remove } from "./rundetails.js";
import { useUrl } from "./state.js";
import { useWindowed } from "./windowed.js";

const ROW = 26; // px, as sidebar.css has it; on a phone rows are higher

// Keys of the row that has the focus: arrows go on, F2 opens its panel, Delete deletes, o shows it alone, h hides.
function rowKeys(event, { run, open, only, go }) {
  if (event.target.type !== "checkbox") return;
  const actions = {
    ArrowDown: () => go(1), ArrowUp: () => go(-1), PageDown: () => go(15), PageUp: () => go(-15), Home: () => go(-Infinity), End: () => go(Infinity),
    F2: open, Enter: open, Delete: () => remove([run]), o: only, h: () => Details.hide(run),
  };
  if (!actions[event.key]) return;
  actions[event.key]();
  event.preventDefault();
}

// A run's name below its group's, which stands above it.
const within = ({ name, group, title }) => (group && name.startsWith(group + "/") ? name.slice(group.length + 1) : title);

function Row({ item, place, runs, opened, fold, go, range }) {
  const { run, member } = item;
  const open = opened.has(run.name);
  const act = { run, go, open: () => fold(run.name), only: () => runs.only([run]) };
  const value = board.last?.values.get(run.name);
  return html`<li ...${place} class=${"run" + (run.hidden ? " hidden-run" : "") + (member ? " member" : "")} onKeyDown=${(event) => rowKeys(event, act)}>
    <div class="line">
      <label style=${`--run: ${run.colour}`}>
        <input type="checkbox" data-focus checked=${runs.isShown(run)} onClick=${range.click} onInput=${() => range.tick(run)} />
        <span class="name" title=${run.note ? `${run.name}\n\n${run.note}` : run.name}>${run.label ?? within(run)}</span>
        ${run.note && html`<span class="faint" aria-label="has a note">✎</span>`}</label>
      ${value !== undefined && html`<span class="n faint">${short(value)}</span>`}
      <button class="link only" title="Show this one alone (o)" onClick=${act.only}>only</button>
      <button class="quiet more" title="Rename, colour, note, delete (F2)" aria-label=${`Change ${run.name}`} aria-expanded=${open} onClick=${act.open}>⋯</button>
    </div>
    ${open && html`<${Details} run=${run} close=${act.open} />`}
  </li>`;
}

function Group({ item, place, runs, opened, fold }) {
  const { title, members } = item;
  const on = members.filter(runs.isShown).length;
  return html`<li ...${place} class="rungroup">
    <div class="line">
      <button class="fold" aria-label=${`Fold ${title || "the others"}`} aria-expanded=${!opened.has(item.key)} onClick=${() => fold(item.key)}><span class="arrow">▾</span></button>
      <label style=${`--run: ${members[0].colour}`}><input type="checkbox" checked=${on === members.length} indeterminate=${on > 0 && on < members.length}
        aria-label=${`All of ${title || "the others"}`} onInput=${() => runs.set(members, on < members.length)} />
        <span class="name" title=${title}>${title || "others"}</span></label>
      <span class="faint">${on}/${members.length}</span>
      <button class="quiet more" title="Delete the group" aria-label=${`Delete ${title}`} onClick=${() => remove(members)}>✕</button>
    </div>
  </li>`;
}

function grouped(listed) {
  const groups = new Map();
  listed.forEach((run) => (groups.has(run.group) ? groups.get(run.group).push(run) : groups.set(run.group, [run])));
  return [...groups].sort(([a], [b]) => (a === "") - (b === "") || a.localeCompare(b, undefined, { numeric: true }));
}

const GROUP = "\0group "; // no run's name begins so

// The rows of the list: runs, or groups with their runs below them unless they are folded. `set`: how many of a kind.
function itemsOf(listed, group, folded) {
  const row = (member) => (run, k, all) => ({ key: run.name, run, member, at: k + 1, set: all.length });
  if (!group) return listed.map(row(false));
  return grouped(listed).flatMap(([title, members], k, all) => {
    const head = { key: GROUP + title, title, members, at: k + 1, set: all.length };
    return folded.has(head.key) ? [head] : [head, ...members.map(row(true))];
  });
}

// Shift with a click ticks, or unticks, all from the row that was clicked before to this one: {click, tick}.
function useRange(items, runs) {
  const before = useRef(null), shift = useRef(false);
  const click = (event) => (shift.current = event.shiftKey);
  const tick = (run) => {
    const rows = items.filter((item) => item.run), [a, b] = [before.current, run.name].map((name) => rows.findIndex((item) => item.key === name));
    before.current = run.name;
    if (!shift.current || a < 0 || a === b) return runs.toggle(run);
    runs.set(rows.slice(Math.min(a, b), Math.max(a, b) + 1).map((item) => item.run), !runs.isShown(run));
  };
  return { click, tick };
}

function RunList({ runs, group }) {
  const [opened, setOpened] = useState(new Set()); // names of runs whose panel is open, keys of groups that are folded
  const items = useMemo(() => itemsOf(runs.listed, group, opened), [runs, group, opened]);
  const keys = useMemo(() => items.map((item) => item.key), [items]);
  const { box, parts, focus, focusing } = useWindowed(keys, ROW, (key) => opened.has(key) && !key.startsWith(GROUP));
  const range = useRange(items, runs);
  const fold = (key) => setOpened((old) => new Set(old.has(key) ? [...old].filter((one) => one !== key) : [...old, key]));
  // The run so many rows on from a row; over headings of groups.
  const go = (from) => (by) => {
    const rows = items.flatMap((item, row) => (item.run ? [row] : []));
    focus(rows[Math.max(0, Math.min(rows.indexOf(from) + by, rows.length - 1))]);
  };
  const drawn = (row) => {
    const item = items[row];
    const place = { "data-row": row, "aria-posinset": item.at, "aria-setsize": item.set, "aria-level": item.member ? 2 : 1 };
    return html`<${item.run ? Row : Group} key=${item.key} item=${item} place=${place} runs=${runs} opened=${opened} fold=${fold} go=${go(row)} range=${range} />`;
  };
  return html`<ul class="runs" ref=${box} ...${focusing}>${parts.map(({ row, space }, k) => (space === undefined
    ? drawn(row) : html`<li key=${`\0space ${k && "after"}`} class="space" aria-hidden="true" style=${`height: ${space}px`}></li>`))}</ul>`;
}

// The last values of the tag that runs are sorted by, asked for every few seconds.
function useLast(order) {
  useEffect(() => {
    const tag = order.startsWith("last:") ? order.slice(5) : "";
    if (!tag) {
      board.last = null;
      return;
    }
    let alive = true;
    const fetchAll = async () => {
      try {
        const { rows } = await ask("/api/table", { tags: [tag], runs: board.runs.map((run) => run.name) });
        if (!alive) return;
        board.last = { tag, values: new Map(rows.map(([run, , last]) => [run, typeof last === "number" ? last : undefined])) };
        changed();
      } catch (error) {
        console.warn(error.message);
      }
    };
    fetchAll();
    const timer = setInterval(fetchAll, 5000);
    return () => ((alive = false), clearInterval(timer));
  }, [order, board.loaded]);
}

function Arranging() {
  const { tags } = useBoard();
  const [order, setOrder] = useUrl("order", "name");
  const [group, setGroup] = useUrl("group", "");
  const [groupColour, setGroupColour] = useUrl("groupcolour", false);
  const [band, setBand] = useUrl("band", false);
  const [hidden, setHidden] = useUrl("hidden", false);
  useLast(order);
  const names = Object.keys(tags.scalars ?? {}).sort();
  const orders = { name: "by name", newest: "newest first", ...Object.fromEntries(names.slice(0, 200).map((tag) => [`last:${tag}`, `by last ${tag}`])) };
  return html`<details class="arranging" open=${group !== ""}><summary>Sort and group</summary>
    <${Select} label="Sort" value=${order} choices=${orders} onInput=${setOrder} />
    <label class="control">Group by <input type="text" list="groupings" value=${group} placeholder="path, or a regex" onChange=${(e) => setGroup(e.target.value.trim())} /></label>
    <datalist id="groupings"><option value="path" /><option value="^([^/]+)" /><option value="(.*)seed" /></datalist>
    ${group && html`<${Tick} label="One colour per group" value=${groupColour} onInput=${setGroupColour} />
      <${Tick} label="Draw mean and range" value=${band} onInput=${setBand} />`}
    <${Tick} label="List hidden runs" value=${hidden} onInput=${setHidden} />
  </details>`;
}

const MANY = 200; // runs: while a filter of more is typed, the page follows when the typing rests

function Filter({ many }) {
  const [filter, setFilter] = useUrl("runs", "");
  const [typed, setTyped] = useState(null);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const typing = ({ target: { value } }) => {
    const take = () => (setFilter(value), setTyped(null));
    clearTimeout(timer.current);
    if (!many) return take();
    setTyped(value);
    timer.current = setTimeout(take, 150);
  };
  return html`<input type="search" placeholder="Filter runs (regex)" aria-label="Filter runs" value=${typed ?? filter} onInput=${typing} />`;
}

export function Sidebar({ close }) {
  const { runs, loaded } = useBoard();
  const [group] = useUrl("group", "");
  const found = useRuns();
  const { listed, shown, only, all } = found;
  const key = useMemo(() => JSON.stringify(shown.map((run) => run.name)), [shown]);
  useEffect(() => watchRuns(JSON.parse(key)), [key]);
  useEffect(() => listen((message) => message.type === "trash" && loadRuns()), []);
  return html`<aside class="side" aria-label="Runs">
    <div class="row"><${Filter} many=${runs.length > MANY} />
      <button class="quiet phone" title="Close" aria-label="Close" onClick=${close}>✕</button></div>
    <${Arranging} />
    <div class="row faint"><span>${shown.length} of ${runs.length} shown</span>
      <button class="link" title="The newest ones" onClick=${all}>usual</button>
      <button class="link" onClick=${() => only(listed)}>all</button>
      <button class="link" onClick=${() => only([])}>none</button></div>
    <${RunList} runs=${found} group=${group} />
    ${loaded && !runs.length && html`<p class="faint">No runs yet. They appear here as soon as something is written.</p>`}
    <${Trash} />
  </aside>`;
}
