// Hyperparameters: parallel coordinates or a scatter matrix above, the table of all runs below; one filter for both.
import { board, useBoard, useRuns } from "../board.js";
import { colourOf } from "../colours.js";
import { Select, Tick } from "../controls.js";
import { save } from "../export.js";
import { html, useMemo, useRef, useEffect, useState } from "../lib.js";
import { useUrl } from "../state.js";
import { useLive, useTable } from "./hparams/data.js";
import { Matrix } from "./hparams/matrix.js";
import { columnsOf, readFilters, scaleOf, sorted, spansDecades, tester, usualColumns, valueOf } from "./hparams/model.js";
import { Parallel } from "./hparams/parallel.js";
import { Table } from "./hparams/table.js";
import { binned, gradient, kindColour } from "./ramp.js";

const listOf = (text) => text.split(",").filter(Boolean).map(decodeURIComponent);
const textOf = (names) => names.map(encodeURIComponent).join(",");

// Like useUrl, for what changes with every move of the pointer: the address follows when it rests.
function useSlowUrl(name, fallback) {
  const [kept, keep] = useUrl(name, fallback);
  const [value, setValue] = useState(kept);
  const timer = useRef(0);
  useEffect(() => void (timer.current || setValue(kept)), [kept]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = (next) => {
    setValue(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => ((timer.current = 0), keep(next)), 150);
  };
  return [value, set];
}

// Rows of the runs that the side's filter lets through; all of them until some are ticked or unticked.
function useRows(table) {
  const { runs } = useBoard();
  const { listed, shown } = useRuns();
  const [ticked] = useUrl("ticked", "");
  return useMemo(() => {
    const hidden = new Set(ticked[0] === "-" ? listOf(ticked.slice(1)) : []);
    const names = new Set((/^[+*]/.test(ticked) ? shown : listed.filter((run) => !hidden.has(run.name))).map((run) => run.name));
    const known = new Set(runs.map((run) => run.name));
    return (table?.rows ?? []).filter((row) => row.runs.some((name) => names.has(name) || !known.has(name)));
  }, [table, runs, listed, shown, ticked]);
}

// colour(row): by a column, or by run.
function useColour(rows, column, log) {
  return useMemo(() => {
    if (!column) return (row) => colourOf(row.runs.at(-1));
    const scale = scaleOf(rows, column, log);
    if (scale.kind === "number") return (row) => binned(scale.at(valueOf(row, column)));
    return (row) => kindColour(scale.texts.indexOf(String(valueOf(row, column))) >>> 0);
  }, [rows, column, log]);
}

function csv(rows, columns) {
  const quoted = (x) => (x === null ? "" : /[",\n]/.test(String(x)) ? `"${String(x).replaceAll('"', '""')}"` : String(x));
  const head = ["run", ...columns.map((c) => c.name)].map(quoted).join(",");
  return [head, ...rows.map((row) => [row.name, ...columns.map((c) => valueOf(row, c))].map(quoted).join(","))].join("\n") + "\n";
}

export function HParams() {
  const [kept, setKept] = useUrl("hpcols", "");
  const [filterText, setFilterText] = useSlowUrl("hpfilter", "");
  const [logText, setLogText] = useUrl("hplog", "");
  const [sort, setSort] = useUrl("hpsort", "");
  const [by, setBy] = useUrl("hpcolour", "auto");
  const [above, setAbove] = useUrl("hpabove", "parallel");
  const [filtering, setFiltering] = useUrl("hprow", false);
  const [hovered, setHovered] = useState(null);
  const [table, error, live] = useTable();
  const rows = useRows(table);

  const columns = useMemo(() => (table ? columnsOf(table) : []), [table]);
  const keys = useMemo(() => (kept ? listOf(kept) : table ? usualColumns(table, columns, rows) : []), [kept, table, columns, rows]);
  const shown = useMemo(() => keys.map((key) => columns.find((c) => c.key === key)).filter(Boolean), [columns, keys.join("\n")]);
  useLive(shown.filter((c) => c.kind === "metric").map((c) => c.tag), live);
  const toggled = useMemo(() => new Set(listOf(logText)), [logText]); // away from what is usual
  const logs = useMemo(() => new Set(columns.filter((c) => toggled.has(c.key) !== spansDecades(rows, c)).map((c) => c.key)), [columns, rows, toggled]);
  const filters = useMemo(() => readFilters(filterText), [filterText]);
  const tests = useMemo(() => rows.map(tester(columns, filters)), [rows, columns, filters]);
  const ordered = useMemo(() => sorted(rows.filter((_, i) => tests[i]), columns, sort), [rows, tests, sort]);
  const metric = shown.find((c) => c.kind === "metric");
  const colourColumn = by === "run" ? null : by === "auto" ? metric : columns.find((c) => c.key === by);
  const colour = useColour(rows, colourColumn, colourColumn ? logs.has(colourColumn.key) : false);

  const setFilter = (key, filter) => {
    const next = { ...filters };
    if (filter === undefined) delete next[key];
    else next[key] = filter;
    setFilterText(Object.keys(next).length ? JSON.stringify(next) : "");
  };
  const toggleLog = (key) => setLogText(textOf(toggled.has(key) ? [...toggled].filter((k) => k !== key) : [...toggled, key]));
  const move = (key, to) => {
    const rest = shown.map((c) => c.key).filter((k) => k !== key);
    rest.splice(Math.min(Math.max(to, 0), rest.length), 0, key);
    setKept(textOf(rest));
  };
  const toggle = (key) => {
    const next = shown.some((c) => c.key === key) ? shown.map((c) => c.key).filter((k) => k !== key) : [...shown.map((c) => c.key), key];
    setKept(textOf(next.length ? next : [key]));
  };

  if (!table) return html`<p class="none">${error || (board.loaded ? "Reading the runs…" : "")}</p>`;
  if (!table.rows.length) return html`<p class="none">No hyperparameters yet: writer.add_hparams({"lr": 0.1}, {"accuracy": 0.9}) makes some.</p>`;
  const shared = { rows, columns: shown, tests, logs, colour, hovered, setHovered };
  const choices = { auto: "the first metric", run: "run", ...Object.fromEntries(shown.map((c) => [c.key, c.title])) };
  const mark = rows.find((row) => row.id === hovered);
  const labels = new Map(board.runs.map((run) => [run.name, run.label]));
  const nameOf = (row) => labels.get(row.name) ?? row.name;
  return html`<div class="bar">
      <${Select} label="View" value=${above} choices=${{ parallel: "parallel coordinates", matrix: "scatter matrix", none: "table only" }} onInput=${setAbove} />
      <${Select} label="Colour" value=${by} choices=${choices} onInput=${setBy} />
      <${Chooser} columns=${columns} shown=${shown} toggle=${toggle} reset=${() => setKept("")} leftOut=${table.left_out} />
      <${Tick} label="Filter row" value=${filtering} onInput=${setFiltering} />
      ${filterText && html`<button class="link" onClick=${() => setFilterText("")}>clear filters</button>`}
      <button class="link" onClick=${() => save("hparams.csv", "text/csv", csv(ordered, shown))}>CSV</button>
      <span class="faint count" role="status">${ordered.length === rows.length ? `${rows.length} runs` : `${ordered.length} of ${rows.length} runs`}</span>
    </div>
    ${error && html`<p class="failed">${error}</p>`}
    ${table.bad.length > 0 && html`<p class="failed">The hyperparameters of ${table.bad.slice(0, 3).join(", ")}${table.bad.length > 3 ? ` and ${table.bad.length - 3} more` : ""} are damaged.</p>`}
    ${!table.hparams.length && html`<p class="faint">No run has hyperparameters: writer.add_hparams({"lr": 0.1}, {"accuracy": 0.9}) adds them. These are the last values of the scalars.</p>`}
    ${above !== "none" && html`<section class="card above">
      ${colourColumn?.type === "number" && html`<${Key} rows=${rows} column=${colourColumn} log=${logs.has(colourColumn.key)} />`}
      ${above === "parallel" ? html`<${Parallel} ...${shared} all=${columns} filters=${filters} setFilter=${setFilter} toggleLog=${toggleLog} move=${move} />` : html`<${Matrix} ...${shared} />`}
      <p class="hovered">${mark ? nameOf(mark) : "\u00a0"}</p>
    </section>`}
    <${Table} rows=${ordered} columns=${shown} total=${rows.length} sort=${sort} setSort=${setSort} filters=${filters} setFilter=${setFilter}
      filtering=${filtering} texts=${(c) => scaleOf(rows, c, false).texts ?? []} hovered=${hovered} setHovered=${setHovered} colour=${colour} nameOf=${nameOf} />`;
}

function Key({ rows, column, log }) {
  const scale = scaleOf(rows, column, log);
  const text = (x) => Number(x.toPrecision(3));
  return html`<p class="key faint"><span>${column.title}</span> <span class="n">${text(scale.low)}</span>
    <i style=${`background: ${gradient}`}></i><span class="n">${text(scale.high)}</span></p>`;
}

const LISTED = 60; // columns in the chooser; the rest are found by their names

function Chooser({ columns, shown, toggle, reset, leftOut }) {
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const box = useRef();
  useEffect(() => {
    if (!open) return;
    const away = (event) => (event.key === "Escape" || (event.type === "pointerdown" && !box.current?.contains(event.target))) && setOpen(false);
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => (removeEventListener("pointerdown", away), removeEventListener("keydown", away));
  }, [open]);
  const found = columns.filter((c) => c.name.toLowerCase().includes(search.toLowerCase()));
  return html`<span class="menu" ref=${box}>
    <button class="chooser" aria-expanded=${open} onClick=${() => setOpen(!open)}>Columns <span class="faint">${shown.length} of ${columns.length}</span></button>
    ${open && html`<div class="choices columns" role="group" aria-label="Columns">
      <input type="search" placeholder="Find a column" aria-label="Find a column" value=${search} onInput=${(e) => setSearch(e.target.value)} />
      <button class="link" onClick=${reset}>usual</button>
      ${found.slice(0, LISTED).map((c) => html`<label key=${c.key}><input type="checkbox" checked=${shown.includes(c)} onInput=${() => toggle(c.key)} />
        <span class="name" title=${c.description || c.name}>${c.title}</span> <span class="faint">${c.kind === "metric" ? "metric" : c.type}</span></label>`)}
      ${found.length + leftOut > LISTED && html`<p class="faint">and ${Math.max(found.length - LISTED, 0) + leftOut} more</p>`}
    </div>`}
  </span>`;
}
