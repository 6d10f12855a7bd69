// Scalars: a card for each tag, in groups by what stands before the first slash; a line for each run. Or a table.
import { board, matcher, useBoard, useRuns } from "../board.js";
import { Range, Select, Tick } from "../controls.js";
import { Groups } from "../groups.js";
import { html, useMemo } from "../lib.js";
import { Card, useVisible } from "../scalars/card.js";
import { Table } from "../scalars/table.js";
import { useUrl } from "../state.js";

export { useVisible };

// The tags that are pinned, in the address: [names, toggle].
function usePins() {
  const [text, setText] = useUrl("pins", "");
  const pins = text.split(",").filter(Boolean).map(decodeURIComponent);
  const toggle = (tag) =>
    setText((pins.includes(tag) ? pins.filter((pin) => pin !== tag) : [...pins, tag]).map(encodeURIComponent).join(","));
  return [pins, toggle];
}

export function Scalars() {
  const { tags } = useBoard();
  const { shown } = useRuns();
  const [filter, setFilter] = useUrl("tags", "");
  const [smooth, setSmooth] = useUrl("smooth", 0);
  const [xKind, setXKind] = useUrl("x", "step");
  const [log, setLog] = useUrl("log", false);
  const [logX, setLogX] = useUrl("logx", false);
  const [outliers, setOutliers] = useUrl("outliers", true);
  const [table, setTable] = useUrl("table", false);
  const [group] = useUrl("group", "");
  const [band] = useUrl("band", false);
  const [pins, toggle] = usePins();
  const all = Object.keys(tags.scalars ?? {});
  const names = all.filter(matcher(filter)).sort();
  const settings = useMemo(() => ({ smooth, xKind, log, logX: logX && xKind !== "wall", outliers, band: band && group !== "" }), [smooth, xKind, log, logX, outliers, band, group]);
  const card = (tag) => html`<${Card} key=${tag} tag=${tag} runs=${shown} settings=${settings} pinned=${pins.includes(tag)} onPin=${() => toggle(tag)} />`;
  const pinned = pins.filter((tag) => all.includes(tag));
  return html`<div class="bar">
      <input type="search" placeholder="Filter tags (regex)" aria-label="Filter tags" value=${filter} onInput=${(e) => setFilter(e.target.value)} />
      <${Tick} label="Table" value=${table} onInput=${setTable} />
      ${!table && html`<${Range} label="Smoothing" value=${smooth} min=${0} max=${0.999} step=${0.001} onInput=${setSmooth} />
      <${Select} label="Horizontal" value=${xKind} choices=${{ step: "step", relative: "hours", wall: "time" }} onInput=${setXKind} />
      <${Tick} label="Log" value=${log} onInput=${setLog} />
      ${xKind !== "wall" && html`<${Tick} label="Log x" value=${logX} onInput=${setLogX} />`}
      <${Tick} label="Outliers" value=${outliers} onInput=${setOutliers} />`}
    </div>
    ${board.loaded && !names.length && html`<p class="none">No scalars ${filter ? `match “${filter}”` : "yet: writer.add_scalar(tag, number, step) makes some"}.</p>`}
    ${table ? html`<${Table} tags=${names} runs=${shown} />` : html`
    ${pinned.length > 0 && html`<section class="group pinned" aria-label="Pinned"><h2 class="faint">Pinned</h2><div class="cards">${pinned.map(card)}</div></section>`}
    <${Groups} names=${names.filter((tag) => !pinned.includes(tag))} card=${card} />`}`;
}
