// The runs: filtered, sorted, in groups, ticked; each with its colour and a panel to change what is said of it.
import { ask, board, changed, listen, loadRuns, useBoard, useRuns, watchRuns } from "./board.js";
import { Select, Tick } from "./controls.js";
import { html, useEffect, useState } from "./lib.js";
import { short } from "./numbers.js";
import { Details, Trash, remove } from "./rundetails.js";
import { useUrl } from "./state.js";

const DRAWN = 300; // rows; of more runs the filter finds the rest

// Keys of the row that has the focus: arrows go on, F2 opens its panel, Delete deletes, o shows it alone, h hides.
function rowKeys(event, run, { open, only, hide }) {
  const rows = [...event.currentTarget.closest(".runs").querySelectorAll("li.run input[type=checkbox]")];
  const at = rows.indexOf(event.target);
  if (at < 0) return;
  const actions = {
    ArrowDown: () => rows[at + 1]?.focus(), ArrowUp: () => rows[at - 1]?.focus(), Home: () => rows[0].focus(),
    End: () => rows.at(-1).focus(), F2: open, Enter: open, Delete: () => remove([run]), o: only, h: hide,
  };
  if (!actions[event.key]) return;
  actions[event.key]();
  event.preventDefault();
}

// A run's name below its group's, which stands above it.
const within = ({ name, group, title }) => (group && name.startsWith(group + "/") ? name.slice(group.length + 1) : title);

function Row({ run, runs }) {
  const [open, setOpen] = useState(false);
  const act = { open: () => setOpen(!open), only: () => runs.only([run]), hide: () => Details.hide(run) };
  const value = board.last?.values.get(run.name);
  return html`<li class=${"run" + (run.hidden ? " hidden-run" : "")} onKeyDown=${(event) => rowKeys(event, run, act)}>
    <div class="line">
      <label style=${`--run: ${run.colour}`}>
        <input type="checkbox" checked=${runs.isShown(run)} onInput=${() => runs.toggle(run)} />
        <span class="name" title=${run.note ? `${run.name}\n\n${run.note}` : run.name}>${run.label ?? within(run)}</span>
        ${run.note && html`<span class="faint" aria-label="has a note">✎</span>`}</label>
      ${value !== undefined && html`<span class="n faint">${short(value)}</span>`}
      <button class="link only" title="Show this one alone (o)" onClick=${act.only}>only</button>
      <button class="quiet more" title="Rename, colour, note, delete (F2)" aria-label=${`Change ${run.name}`} aria-expanded=${open} onClick=${act.open}>⋯</button>
    </div>
    ${open && html`<${Details} run=${run} close=${() => setOpen(false)} />`}
  </li>`;
}

function Group({ title, members, runs }) {
  const [open, setOpen] = useState(true);
  const on = members.filter(runs.isShown).length;
  return html`<li class="rungroup">
    <div class="line">
      <button class="fold" aria-expanded=${open} onClick=${() => setOpen(!open)}><span class="arrow">▾</span></button>
      <label style=${`--run: ${members[0].colour}`}><input type="checkbox" checked=${on === members.length} indeterminate=${on > 0 && on < members.length}
        aria-label=${`All of ${title || "the others"}`} onInput=${() => runs.set(members, on < members.length)} />
        <span class="name" title=${title}>${title || "others"}</span></label>
      <span class="faint">${on}/${members.length}</span>
      <button class="quiet more" title="Delete the group" aria-label=${`Delete ${title}`} onClick=${() => remove(members)}>✕</button>
    </div>
    ${open && html`<ul>${members.map((run) => html`<${Row} key=${run.name} run=${run} runs=${runs} />`)}</ul>`}
  </li>`;
}

function grouped(listed) {
  const groups = new Map();
  listed.forEach((run) => groups.set(run.group, [...(groups.get(run.group) ?? []), run]));
  return [...groups].sort(([a], [b]) => (a === "") - (b === "") || a.localeCompare(b, undefined, { numeric: true }));
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

export function Sidebar({ close }) {
  const { runs, loaded } = useBoard();
  const [filter, setFilter] = useUrl("runs", "");
  const [group] = useUrl("group", "");
  const found = useRuns();
  const { listed, shown, only, all } = found;
  const key = JSON.stringify(shown.map((run) => run.name));
  useEffect(() => watchRuns(JSON.parse(key)), [key]);
  useEffect(() => listen((message) => message.type === "trash" && loadRuns()), []);
  const drawn = listed.slice(0, DRAWN);
  return html`<aside class="side" aria-label="Runs">
    <div class="row"><input type="search" placeholder="Filter runs (regex)" aria-label="Filter runs" value=${filter}
      onInput=${(e) => setFilter(e.target.value)} />
      <button class="quiet phone" title="Close" aria-label="Close" onClick=${close}>✕</button></div>
    <${Arranging} />
    <div class="row faint"><span>${shown.length} of ${runs.length} shown</span>
      <button class="link" title="The newest ones" onClick=${all}>usual</button>
      <button class="link" onClick=${() => only(listed)}>all</button>
      <button class="link" onClick=${() => only([])}>none</button></div>
    <ul class="runs">
      ${group
        ? grouped(drawn).map(([title, members]) => html`<${Group} key=${"g" + title} title=${title} members=${members} runs=${found} />`)
        : drawn.map((run) => html`<${Row} key=${run.name} run=${run} runs=${found} />`)}
    </ul>
    ${listed.length > DRAWN && html`<p class="faint">and ${listed.length - DRAWN} more: filter them</p>`}
    ${loaded && !runs.length && html`<p class="faint">No runs yet. They appear here as soon as something is written.</p>`}
    <${Trash} />
  </aside>`;
}
