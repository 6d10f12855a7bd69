// Long lists and tables: of any number of rows only those in sight, and a few around them, are in the page.
// Empty space stands for the others, so that the scroll bar is right, and ARIA tells how many there are.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./lib.js";

const MORE = 8; // rows drawn above and below those in sight
const STEP = 4; // the window moves by so many rows: a scroll by less draws nothing

// Where rows are that are `size` pixels high, but for those of `tall`, a Map from row to what it is higher by.
export function placesOf(size, tall) {
  const rows = [...tall].sort(([a], [b]) => a - b);
  const top = (row) => rows.reduce((y, [at, by]) => (at < row ? y + by : y), row * size);
  const at = (y) => {
    let above = 0;
    for (const [row, by] of rows) {
      if (y < (row + 1) * size + above) break;
      if (y < (row + 1) * size + above + by) return row;
      above += by;
    }
    return Math.floor((y - above) / size);
  };
  return { top, at };
}

// What is drawn of `count` rows, top to bottom: {row}, and {space: pixels} for what is left out between.
export function partsOf(count, [first, last], kept, top) {
  const rows = [];
  if (kept >= 0 && kept < first) rows.push(kept);
  for (let row = first; row < Math.min(last, count); row++) rows.push(row);
  if (kept >= last && kept < count) rows.push(kept);
  const parts = [];
  let next = 0;
  for (const row of [...rows, count]) {
    if (row > next) parts.push({ space: top(row) - top(next) });
    if (row < count) parts.push({ row });
    next = row + 1;
  }
  return parts;
}

// The rows named by `keys` that are to be drawn: {box, parts, focus, focusing}. `box` is the ref of what holds the
// rows, which bear data-row={number}; `focusing` its handlers; focus(row) gives a row the focus wherever it is: to
// what bears data-focus in it. A row with the focus stays in the page when it is scrolled away. `guess`: pixels of
// a row until one is measured; `higher(key)`: whether a row may be higher than others.
export function useWindowed(keys, guess, higher = () => false) {
  const box = useRef(), wanted = useRef(null), heights = useRef(new Map()), latest = useRef();
  const [size, setSize] = useState(guess);
  const [range, setRange] = useState([0, 40]);
  const [kept, keep] = useState(null); // the key of the row that has the focus
  const [, again] = useState(0);
  const tall = new Map();
  if (heights.current.size) keys.forEach((key, row) => higher(key) && heights.current.has(key) && tall.set(row, heights.current.get(key)));
  const places = placesOf(size, tall);
  latest.current = { keys, higher, places, size };

  const measure = () => {
    const { keys, higher, size } = latest.current;
    let usual = size;
    const rows = [...box.current.querySelectorAll("[data-row]")].map((node) => [keys[node.dataset.row], node.getBoundingClientRect().height]);
    const found = rows.find(([key, height]) => height > 0 && !higher(key));
    if (found) usual = found[1];
    if (Math.abs(usual - size) > 0.2) setSize(usual);
    for (const [key, height] of rows) {
      if (!higher(key) || Math.abs((heights.current.get(key) ?? 0) - (height - usual)) < 0.5) continue;
      heights.current.set(key, height - usual);
      again((n) => n + 1);
    }
  };
  const look = () => {
    const { top, width } = box.current?.getBoundingClientRect() ?? {};
    if (!width) return; // not on the screen
    measure();
    const { at } = latest.current.places, count = latest.current.keys.length;
    const first = Math.max(0, Math.min(at(-top), count) - MORE), last = Math.max(at(innerHeight - top), 0) + MORE;
    const next = [Math.floor(first / STEP) * STEP, Math.ceil(last / STEP) * STEP];
    setRange((old) => (old[0] === next[0] && old[1] === next[1] ? old : next));
  };
  useLayoutEffect(look);
  useEffect(() => {
    const watcher = new ResizeObserver(look);
    watcher.observe(box.current);
    document.addEventListener("scroll", look, { capture: true, passive: true }); // of whatever it scrolls in
    addEventListener("resize", look);
    return () => {
      watcher.disconnect();
      document.removeEventListener("scroll", look, { capture: true });
      removeEventListener("resize", look);
    };
  }, []);

  const inside = (row) => box.current.querySelector(`[data-row="${row}"] [data-focus]`);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const node = inside(keys.indexOf(wanted.current));
    wanted.current = null;
    node?.focus();
  });
  const focus = (row) => {
    const node = inside(row);
    if (node) return node.focus();
    wanted.current = keys[row];
    keep(keys[row]);
  };
  const focusing = {
    onfocusin: (event) => keep(keys[event.target.closest("[data-row]")?.dataset.row] ?? null),
    onfocusout: (event) => document.hasFocus() && !box.current.contains(event.relatedTarget) && keep(null),
  };
  return { box, parts: partsOf(keys.length, range, kept === null ? -1 : keys.indexOf(kept), places.top), focus, focusing };
}

// The body of a table: cells(item, attributes) gives an item's <tr>, which bears the attributes; `heads` rows stand
// above it. The table says aria-rowcount = items.length + heads.
export function Body({ items, keyOf, row, columns, heads = 1, guess = 28 }) {
  const { box, parts, focusing } = useWindowed(items.map(keyOf), guess);
  const drawn = (at) => row(items[at], { key: keyOf(items[at]), "data-row": at, "aria-rowindex": at + 1 + heads });
  return html`<tbody ref=${box} ...${focusing}>${parts.map(({ row: at, space }, k) => (space === undefined
    ? drawn(at) : html`<tr key=${`space ${k && "after"}`} class="space" aria-hidden="true"><td colspan=${columns} style=${`height: ${space}px`}></td></tr>`))}</tbody>`;
}

const LOOKED_AT = 500; // rows of which the longest text of a column is taken

// A foot that takes no height: each column's longest text, lest columns change their widths while rows go by.
// texts: a function from an item to its text, for each column; id: changes when the columns do.
export function Widest({ items, texts, id }) {
  const longest = useMemo(() => {
    const every = Math.ceil(items.length / LOOKED_AT), some = items.filter((_, k) => k % every === 0);
    return texts.map((text) => some.map((item) => String(text(item))).reduce((best, one) => (one.length > best.length ? one : best), ""));
  }, [items, id]);
  return html`<tfoot class="widest" aria-hidden="true"><tr>${longest.map((text) => html`<td>${text}</td>`)}</tr></tfoot>`;
}
