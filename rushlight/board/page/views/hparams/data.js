// The table as the server tells it, kept up to date.
import { ask, listen, useBoard, watch } from "../../board.js";
import { useEffect, useRef, useState } from "../../lib.js";

const PATIENCE = 700; // ms between two questions, at least

// [table, error, live]; `live` is for useLive.
export function useTable() {
  const { tags: known } = useBoard();
  const [state, setState] = useState({ table: null, error: "" });
  const soon = useRef(null);
  useEffect(() => {
    let alive = true, timer = 0, asked = 0, asking = false, again = false;
    const load = async () => {
      timer = 0;
      if (asking) return void (again = true);
      asking = true;
      asked = performance.now();
      try {
        const table = await ask("/api/hparams");
        table.rows.forEach((row) => (row.id = row.runs.join("\n")));
        if (alive) setState({ table, error: "" });
      } catch (error) {
        if (alive) setState((old) => ({ ...old, error: error.message }));
      }
      asking = false;
      if (alive && again) (again = false), soon.current();
    };
    soon.current = () => (timer ||= setTimeout(load, Math.max(0, asked + PATIENCE - performance.now())));
    const stop = listen((message) => message.type === "entries" && message.kind === "hparams" && soon.current());
    return () => {
      alive = false;
      clearTimeout(timer);
      stop();
    };
  }, []);
  useEffect(() => soon.current(), [known]);
  return [state.table, state.error, { state, setState, soon }];
}

// New values of metrics are put into the rows of runs that stand for themselves; for others the table is asked again.
export function useLive(tags, { state, setState, soon }) {
  const latest = useRef(state.table), timer = useRef(0);
  latest.current = state.table;
  const shown = () => {
    timer.current = 0;
    setState((old) => (old.table ? { ...old, table: { ...old.table } } : old));
  };
  useEffect(() => {
    const take = (message) => {
      if (message.type !== "scalars") return soon.current();
      const row = latest.current?.rows.find((r) => r.runs.length === 1 && r.runs[0] === message.run);
      const at = latest.current?.metrics.findIndex((m) => m.tag === message.tag && !m.group) ?? -1;
      if (!row || at < 0) return soon.current();
      const value = message.value.at(-1);
      row.metrics[at] = value === null ? "NaN" : value;
      timer.current ||= setTimeout(shown, 120);
    };
    const stops = [...new Set(tags)].map((tag) => watch(tag, take));
    return () => stops.forEach((stop) => stop());
  }, [tags.join("\n")]);
  useEffect(() => () => clearTimeout(timer.current), []);
}
