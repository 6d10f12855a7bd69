// Time by op, module, line or node: a table that is sorted by any column, with bars.
import { html, useMemo } from "../lib.js";
import { save } from "../export.js";
import { useUrl } from "../state.js";
import { Body, Widest } from "../windowed.js";
import { bytes, time } from "./trace.js";

const NUMBERS = { own: "itself", total: "total", calls: "calls", each: "per call", bytes: "moved", rate: "GB/s" };

const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function csvOf(rows) {
  return ["key,own_us,total_us,calls,bytes", ...rows.map((row) => [quoted(row.key), row.own, row.total, row.calls, row.bytes].join(","))].join("\n") + "\n";
}

const cell = { own: (x) => time(x), total: (x) => time(x), each: (x) => time(x), calls: (x) => (x ? x.toLocaleString("en") : ""), bytes: (x) => (x ? bytes(x) : ""), rate: (x) => (x ? x.toFixed(1) : "") };

function sortedRows(rows, filter, column, sign) {
  const full = rows.filter(({ key }) => filter(key)).map((row) => ({ ...row, each: row.calls ? row.total / row.calls : 0, rate: row.bytes && row.own ? row.bytes / row.own / 1000 : 0 }));
  return full.sort((a, b) => sign * (column === "key" ? a.key.localeCompare(b.key) : (a[column] ?? 0) - (b[column] ?? 0)));
}

// props: by, rows [{key, own, total, calls, bytes}], filter (a test for keys).
export function Table({ by, rows, filter }) {
  const [sort, setSort] = useUrl("psort", "-own");
  const column = sort.replace(/^-/, ""), sign = sort[0] === "-" ? -1 : 1;
  const sorted = useMemo(() => sortedRows(rows, filter, column, sign), [rows, filter, sort]);
  const bar = column === "total" ? "total" : "own";
  const all = rows.reduce((sum, row) => sum + row.own, 0) || 1, longest = sorted.reduce((most, row) => Math.max(most, row[bar]), 1e-9);
  const head = (name, text) => html`<th class=${name === "key" ? "" : "n"} aria-sort=${column === name ? (sign < 0 ? "descending" : "ascending") : "none"}>
    <button onClick=${() => setSort(column === name ? (sign < 0 ? name : `-${name}`) : name === "key" ? name : `-${name}`)}>${text}${column === name ? (sign < 0 ? " ↓" : " ↑") : ""}</button></th>`;
  const row = (row, place) => html`<tr ...${place}>
    <td class="key" title=${row.key}>${row.key}</td>
    <td class="share"><i style=${`width: ${((100 * row[bar]) / longest).toFixed(2)}%`}></i><span>${((100 * row.own) / all).toFixed(1)} %</span></td>
    ${Object.keys(NUMBERS).map((name) => html`<td class="n">${cell[name](row[name])}</td>`)}</tr>`;
  const texts = [(row) => row.key, () => "", ...Object.keys(NUMBERS).map((name) => (row) => cell[name](row[name]))];
  return html`<div class="sums"><table aria-rowcount=${sorted.length + 1}><thead><tr>${head("key", by)}<th class="share">share</th>${Object.entries(NUMBERS).map(([name, text]) => head(name, text))}</tr></thead>
    <${Body} items=${sorted} keyOf=${(row) => row.key} row=${row} columns=${texts.length} guess=${25} /><${Widest} items=${sorted} texts=${texts} id=${by} /></table>
    ${!sorted.length && html`<p class="none">This trace says nothing of ${by}s${rows.length ? " that match" : ""}.</p>`}
    <p class="faint"><button class="link" onClick=${() => save(`time by ${by}.csv`, "text/csv", csvOf(sorted))}>CSV</button></p></div>`;
}
