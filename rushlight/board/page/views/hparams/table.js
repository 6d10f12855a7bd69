// The table: sorted by a click on a heading, filtered by the row below the headings.
import { html } from "../../lib.js";
import { short } from "../../numbers.js";
import { Body, Widest } from "../../windowed.js";
import { isRange, valueOf } from "./model.js";

export function Table({ rows, columns, total, sort, setSort, filters, setFilter, filtering, texts, hovered, setHovered, colour, nameOf }) {
  const heading = (key, title, name, extra = "") => {
    const state = sort === key ? "ascending" : sort === "-" + key ? "descending" : "none";
    const next = state === "ascending" ? "-" + key : state === "descending" ? "" : key;
    return html`<th key=${key} scope="col" aria-sort=${state} class=${extra}><button onClick=${() => setSort(next)} title=${name}>
      ${title}<span class="sign">${{ ascending: "▲", descending: "▼", none: "" }[state]}</span></button></th>`;
  };
  const row = (row, place) => html`<tr ...${place} class=${row.id === hovered ? "marked" : ""}
      onPointerEnter=${() => setHovered(row.id)} onPointerLeave=${() => setHovered(null)}>
    <th scope="row"><i class="dot" style=${`background: ${colour(row)}`}></i> <span title=${row.runs.join(" + ")}>${nameOf(row)}</span>
      ${row.status === "failure" && html` <span class="failed">failed</span>`}</th>
    ${columns.map((c) => html`<${Cell} key=${c.key} column=${c} value=${valueOf(row, c)} />`)}
  </tr>`;
  const said = [(row) => `● ${nameOf(row)}${row.status === "failure" ? " failed" : ""}`, ...columns.map((c) => (row) => textOf(c, valueOf(row, c)))];
  const heads = filtering ? 2 : 1;
  return html`<div class="scroll"><table class="hparams" aria-rowcount=${rows.length + heads}>
    <thead>
      <tr>${heading("name", "Run", "Run")}${columns.map((c) => heading(c.key, c.title, c.description || c.name, c.kind + (c.type === "number" ? " n" : "")))}</tr>
      ${filtering && html`<tr class="filters"><th></th>${columns.map((c) => html`<th key=${c.key}><${Filter} column=${c} filter=${filters[c.key]}
        texts=${texts(c)} set=${(filter) => setFilter(c.key, filter)} /></th>`)}</tr>`}
    </thead>
    <${Body} items=${rows} keyOf=${(row) => row.id} row=${row} columns=${said.length} heads=${heads} guess=${28} />
    <${Widest} items=${rows} texts=${said} id=${columns} />
  </table></div>
  ${!rows.length && total > 0 && html`<p class="none">No run passes the filters.</p>`}`;
}

function textOf(column, value) {
  if (value === null) return "–";
  if (column.type === "number") return short(value);
  return column.type === "bool" ? (value ? "✓ true" : "✕ false") : String(value);
}

function Cell({ column, value }) {
  if (value === null) return html`<td class="faint n">${textOf(column, value)}</td>`;
  if (column.type === "number") return html`<td class="n" title=${value}>${textOf(column, value)}</td>`;
  return html`<td>${textOf(column, value)}</td>`;
}

function Filter({ column, filter, texts, set }) {
  if (column.type === "number") {
    const [low, high] = isRange(filter) ? filter : [null, null];
    const change = (k) => (event) => {
      const x = event.target.value.trim() === "" ? null : Number(event.target.value);
      const next = k ? [low, x] : [x, high];
      if (x === null || Number.isFinite(x)) set(next[0] === null && next[1] === null ? undefined : next);
    };
    const field = (k, value, hint) => html`<input type="text" inputmode="decimal" placeholder=${hint} aria-label=${`${column.name}, ${hint}`}
      value=${value ?? ""} onChange=${change(k)} />`;
    return html`<span class="between">${field(0, low, "from")}${field(1, high, "to")}</span>`;
  }
  const only = filter?.only ?? [];
  return html`<select aria-label=${`Only ${column.name}`} onInput=${(e) => set(e.target.value === "" ? undefined : { only: [JSON.parse(e.target.value)] })}>
    <option value="" selected=${!only.length}>any</option>
    ${only.length > 1 && html`<option value="" selected>${only.length} chosen</option>`}
    ${texts.map((text) => html`<option value=${JSON.stringify(text)} selected=${only.length === 1 && only[0] === text}>${text}</option>`)}
  </select>`;
}
