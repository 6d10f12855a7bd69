// The runs shown as rows, their scalars as columns: last, lowest, highest, mean; sorted by any of them.
import { ask, watch } from "../board.js";
import { html, useEffect, useMemo, useState } from "../lib.js";
import { fromJson, short } from "../numbers.js";
import { useUrl } from "../state.js";
import { save } from "../export.js";
import { Select } from "../controls.js";
import { Body, Widest } from "../windowed.js";

const MEASURES = { last: 2, min: 4, max: 5, mean: 6, points: 7 };
const COLUMNS = 12; // tags; of more the filter chooses

// {tag: {run: row}}, asked again a second after something new came.
function useTable(tags, runs) {
  const [rows, setRows] = useState(new Map());
  const names = useMemo(() => JSON.stringify(runs.map((run) => run.name)), [runs]);
  const key = JSON.stringify(tags) + names;
  useEffect(() => {
    let alive = true, timer = 0;
    const fetchAll = async () => {
      timer = 0;
      try {
        const found = await ask("/api/table", { tags, runs: runs.map((run) => run.name) });
        if (!alive) return;
        const byTag = new Map(tags.map((tag) => [tag, new Map()]));
        found.rows.forEach((row) => byTag.get(row[1])?.set(row[0], row));
        setRows(byTag);
      } catch (error) {
        console.warn(error.message);
      }
    };
    fetchAll();
    const stops = tags.map((tag) => watch(tag, () => (timer ||= setTimeout(fetchAll, 1000))));
    return () => ((alive = false), clearTimeout(timer), stops.forEach((stop) => stop()));
  }, [key]);
  return rows;
}

export function Table({ tags, runs }) {
  const [measure, setMeasure] = useUrl("measure", "last");
  const [sort, setSort] = useUrl("by", ""); // "+tag" or "-tag"; the columns of a single tag by their measure
  const shown = tags.slice(0, COLUMNS), one = shown.length === 1;
  const known = useTable(shown, runs);
  const columns = one ? Object.keys(MEASURES).map((m) => [m, shown[0], m]) : shown.map((tag) => [tag, tag, measure]);
  const value = (run, [, tag, m]) => {
    const row = known.get(tag)?.get(run.name);
    return row ? fromJson(row[MEASURES[m] ?? 2]) : undefined;
  };
  const by = columns.find(([title]) => title === sort.slice(1)), down = sort[0] === "-";
  const size = (run) => {
    const x = value(run, by);
    return x === undefined || Number.isNaN(x) ? (down ? -Infinity : Infinity) : x;
  };
  const rows = useMemo(() => (by ? [...runs].sort((a, b) => (down ? size(b) - size(a) : size(a) - size(b)) || 0) : runs), [runs, known, sort, measure, one]);
  const next = (title) => setSort((sort === "+" + title ? "-" : "+") + title);
  const quote = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const csv = () => save("table.csv", "text/csv", [["run", ...columns.map(([title]) => title)].map(quote).join(","),
    ...rows.map((run) => [quote(run.name), ...columns.map((c) => value(run, c) ?? "")].join(","))].join("\n") + "\n");
  const text = (run, column) => (value(run, column) === undefined ? "" : short(value(run, column)));
  const row = (run, place) => html`<tr ...${place}><th scope="row"><i class="dot" style=${`background: ${run.colour}`}></i> ${run.title}</th>
    ${columns.map((column) => html`<td class="n">${text(run, column)}</td>`)}</tr>`;
  const texts = [(run) => `● ${run.title}`, ...columns.map((column) => (run) => text(run, column))];
  return html`<div class="bar">
      ${!one && html`<${Select} label="Show" value=${measure} choices=${Object.fromEntries(Object.keys(MEASURES).map((m) => [m, m]))} onInput=${setMeasure} />`}
      <button class="link" onClick=${csv}>save as CSV</button>
      ${tags.length > COLUMNS && html`<span class="faint">${COLUMNS} of ${tags.length} tags: filter them to choose others</span>`}
    </div>
    <div class="scroll"><table class="compare" aria-rowcount=${rows.length + 1}><thead><tr><th>run</th>
      ${columns.map(([title]) => html`<th class="n" aria-sort=${sort.slice(1) === title ? (down ? "descending" : "ascending") : "none"}>
        <button class="link" title=${title} onClick=${() => next(title)}>${title}${sort.slice(1) === title ? (down ? " ↓" : " ↑") : ""}</button></th>`)}
    </tr></thead>
      <${Body} items=${rows} keyOf=${(run) => run.name} row=${row} columns=${texts.length} guess=${30} />
      <${Widest} items=${rows} texts=${texts} id=${known} />
    </table></div>`;
}
