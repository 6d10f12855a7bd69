// The drawing: boxes and lines where the worker put them; moved by pointer, wheel, two fingers and keys.
import { follow } from "../gestures.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { flowText, isOpen, visible } from "./model.js";

const MOST_DRAWN = 2000;
const CHARACTER = 6.9; // width of one at 12px
const HEAD = 9; // what a frame is higher than its content needs: its title stands there

const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const opOf = (node) => node.op.replace(/^aten::/, "");
// PyTorch numbers ops: what they do says more.
const isNumber = (item) => !item.isScope && /^(input\.)?\d+$/.test(item.label) && item.op;
const nameOf = (item) => cut(isNumber(item) ? opOf(item) : item.label || item.op || "(no name)", 34);

// The second line of a box: what class or op it is, and how many parameters were folded into it.
function below(item) {
  if (item.isScope && item.only) return cut(item.kind || item.only.op, 34);
  if (item.isScope) return cut([item.kind, `${item.count} ops`].filter(Boolean).join(" · "), 40);
  if (isNumber(item)) return item.label;
  return opOf(item) === item.label || item.op === item.label ? "" : cut(opOf(item), 34);
}

function sized(item, open) {
  const wide = Math.max(nameOf(item).length, below(item).length * 0.88) * CHARACTER;
  return { width: Math.max(64, Math.round(wide + (item.isScope && !item.only ? 50 : 26))), height: below(item) ? 42 : 28, open };
}

// {items, links, boxes, lines, width, height}: what is visible and where, a moment after `open` changed.
export function useLayout(graph, open) {
  const worker = useRef(null), latest = useRef(0);
  const [found, setFound] = useState(null);
  useEffect(() => {
    worker.current = new Worker("/page/graph/layout.js", { type: "module" });
    return () => worker.current.terminate();
  }, []);
  useEffect(() => {
    if (!graph) return setFound(null);
    const seen = visible(graph, open), id = ++latest.current;
    const items = seen.items.slice(0, MOST_DRAWN), number = new Map(items.map((item, k) => [item, `n${k}`]));
    const links = seen.links.filter(({ from, to }) => number.has(from) && number.has(to));
    worker.current.onmessage = ({ data }) => {
      if (data.id !== latest.current) return; // about what was open before
      data.boxes.forEach((box, k) => box && items[k].isScope && isOpen(items[k], open) && ((box.y -= HEAD / 2), (box.height += HEAD)));
      setFound({ ...data, items, links, open, graph, left: seen.items.length - items.length });
    };
    worker.current.postMessage({
      id,
      items: items.map((item) => ({ key: number.get(item), parent: number.get(item.parent) ?? null, ...sized(item, item.isScope && isOpen(item, open)) })),
      links: links.map((link) => ({ from: number.get(link.from), to: number.get(link.to), width: Math.min(flowText(link).length, 28) * 5.6 + 8, height: 14 })),
    });
  }, [graph, open]);
  return found;
}

function path(points) {
  if (points.length < 3) return `M${points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}`;
  const at = ({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`;
  const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  let text = `M${at(points[0])}`;
  for (let k = 1; k < points.length - 1; k++) {
    const end = k === points.length - 2 ? points.at(-1) : middle(points[k], points[k + 1]);
    text += `Q${at(points[k])} ${at(end)}`;
  }
  return text;
}

function Box({ item, box, open, selected, tied, onSelect, onToggle }) {
  const { x, y, width, height } = box, opens = item.isScope && !item.only;
  const press = (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.shiftKey && opens ? onToggle(item) : onSelect(item);
      event.preventDefault();
    } else if (event.key === "o" && opens) onToggle(item);
  };
  const kind = open ? "frame" : opens ? "scope" : item.op === "Placeholder" || item.op === "Output" || item.op === "IO Node" ? "end" : "op";
  const hue = item.isScope && item.kind ? item.hash % 360 : null;
  const classes = ["box", kind, selected && "selected", tied && "tied", item.series && "series"].filter(Boolean).join(" ");
  const lower = below(item);
  return html`<g class=${classes} style=${hue === null ? null : `--hue: ${hue}`} transform=${`translate(${(x - width / 2).toFixed(1)},${(y - height / 2).toFixed(1)})`}
      tabindex="0" role="button" aria-label=${`${item.isScope ? item.key : item.name} ${lower}`} aria-expanded=${opens ? open : null} data-name=${item.name}
      data-uid=${item.uid} onClick=${() => onSelect(item)} onKeyDown=${press}>
    ${item.series && !open && html`<rect class="behind" x="4" y="-4" width=${width} height=${height} rx="8" />`}
    <rect width=${width} height=${height} rx=${kind === "op" || kind === "end" ? height / 2 : 8} />
    <text x=${open ? 12 : opens ? 12 : width / 2} y=${open ? 15 : lower ? 18 : height / 2 + 4} text-anchor=${opens ? "start" : "middle"}>${nameOf(item)}${open && item.kind ? html`<tspan class="kind" dx="6">${cut(item.kind, 30)}</tspan>` : ""}</text>
    ${!open && lower && html`<text class="kind" x=${opens ? 12 : width / 2} y="32" text-anchor=${opens ? "start" : "middle"}>${lower}</text>`}
    ${opens && html`<g class="toggle" role="button" aria-label=${open ? "Close" : "Open"} onClick=${(event) => (event.stopPropagation(), onToggle(item))}>
      <rect x=${width - 36} y=${open ? -6 : 0} width="36" height=${open ? 34 : height} rx="6" /><text x=${width - 16} y=${open ? 17 : height / 2 + 5} text-anchor="middle">${open ? "−" : "+"}</text></g>`}
  </g>`;
}

function Scene({ found, selected, onSelect, onToggle }) {
  const { items, links, boxes, lines, open } = found;
  const near = new Set(links.flatMap(({ from, to }) => (from === selected ? [to] : to === selected ? [from] : [])));
  const drawn = items.map((item, k) => ({ item, box: boxes[k], isFrame: item.isScope && isOpen(item, open) })).filter(({ box }) => box);
  const one = ({ item, box, isFrame }) => html`<${Box} key=${item.uid} item=${item} box=${box} open=${isFrame} selected=${item === selected}
    tied=${near.has(item)} onSelect=${onSelect} onToggle=${onToggle} />`;
  return html`${drawn.filter(({ isFrame }) => isFrame).sort((a, b) => a.item.depth - b.item.depth).map(one)}
    ${links.map((link, k) => html`<path key=${`${link.from.uid}>${link.to.uid}`} class=${`flow${link.order ? " order" : ""}${link.from === selected || link.to === selected ? " tied" : ""}`} d=${path(lines[k].points)} marker-end="url(#arrow)" />`)}
    ${drawn.filter(({ isFrame }) => !isFrame).map(one)}
    ${links.map((link, k) => flowText(link) && html`<text key=${`${link.from.uid}>${link.to.uid}`} class=${`shape${link.from === selected || link.to === selected ? " tied" : ""}`} x=${lines[k].x} y=${lines[k].y + 3} text-anchor="middle">${cut(flowText(link), 28)}</text>`)}`;
}

const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

// props: found (useLayout's), selected, onSelect, onToggle, onReady(controls: {fit, show, zoom}).
export function Diagram({ found, selected, onSelect, onToggle, onReady }) {
  const svg = useRef(), group = useRef(), at = useRef({ x: 0, y: 0, k: 1 }), before = useRef(null);
  const wish = useRef(null); // an item to be shown once it is laid out
  const place = () => group.current?.setAttribute("transform", `translate(${at.current.x},${at.current.y}) scale(${at.current.k})`);
  const move = (dx, dy) => ((at.current.x += dx), (at.current.y += dy), place());
  const zoom = (factor, x, y) => {
    const { width, height } = svg.current.getBoundingClientRect(), now = at.current, k = clamp(now.k * factor, 0.04, 4);
    [x, y] = [x ?? width / 2, y ?? height / 2];
    at.current = { k, x: x - ((x - now.x) * k) / now.k, y: y - ((y - now.y) * k) / now.k };
    place();
  };
  const fit = (layout = before.current) => {
    if (!layout) return;
    const { width, height } = svg.current.getBoundingClientRect();
    const k = clamp(Math.min((width - 30) / layout.width, (height - 30) / layout.height), 0.3, 1.15);
    at.current = { k, x: (width - layout.width * k) / 2, y: Math.max(15, (height - layout.height * k) / 2) };
    place();
  };
  const boxOf = (layout, item) => layout?.boxes[layout.items.indexOf(item)];
  const centre = (layout, item) => {
    const box = boxOf(layout, item);
    if (!box) return false;
    const { width, height } = svg.current.getBoundingClientRect(), k = Math.max(at.current.k, 0.75);
    at.current = { k, x: width / 2 - box.x * k, y: height / 2 - box.y * k };
    place();
    return true;
  };
  const controls = { fit: () => fit(), zoom, show: (item) => (centre(before.current, item) || (wish.current = item), undefined), keep: (item) => (wish.current = { keep: item }) };
  useEffect(() => onReady(controls), []);
  useLayoutEffect(() => {
    if (!found) return;
    const old = before.current, wanted = wish.current;
    before.current = found;
    if (!old || old.graph !== found.graph) {
      wish.current = null;
      return void ((wanted && !wanted.keep && centre(found, wanted)) || fit(found));
    }
    if (wanted?.keep) {
      const a = boxOf(old, wanted.keep), b = boxOf(found, wanted.keep), k = at.current.k;
      if (a && b) move((a.x - b.x) * k, (a.y - a.height / 2 - b.y + b.height / 2) * k); // its upper edge stays where it was
      wish.current = null;
    } else if (wanted && centre(found, wanted)) wish.current = null;
  }, [found]);
  // Twice on a box opens or closes it, twice beside all boxes shows all.
  const double = (target) => {
    const uid = target.closest(".box")?.dataset.uid;
    if (target.closest(".toggle")) return false;
    if (uid === undefined) return void fit();
    const item = found.items.find((one) => String(one.uid) === uid);
    return item?.isScope && !item.only ? void onToggle(item) : false;
  };
  useMoving(svg, { move, zoom, double });
  const press = (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (step) move(...step);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "Escape") onSelect(null);
    else return;
    event.preventDefault();
  };
  const scene = useMemo(() => found && html`<${Scene} ...${{ found, selected, onSelect, onToggle }} />`, [found, selected]);
  return html`<svg class="diagram" ref=${svg} tabindex="0" role="application" aria-label="The graph. Arrow keys move it, + and - zoom, 0 shows all" onKeyDown=${press}>
    <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0,0L8,4L0,8z" /></marker></defs>
    <g ref=${group}>${scene}</g></svg>`;
}

// One pointer moves, two zoom and move, the wheel zooms, with shift it moves sideways.
function useMoving(svg, { move, zoom, double }) {
  const latest = useRef();
  latest.current = double;
  useEffect(() => {
    const element = svg.current;
    const wheel = (event) => {
      const { left, top } = element.getBoundingClientRect();
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) move(-(event.deltaX || event.deltaY), 0);
      else zoom(Math.exp(-clamp(event.deltaY, -120, 120) / 400), event.clientX - left, event.clientY - top);
    };
    const stop = follow(element, {
      drag: move,
      pinch: (now, before) => (zoom(now.far / before.far, before.x, before.y), move(now.x - before.x, now.y - before.y)),
      double: (x, y, event) => latest.current(event.target),
    });
    element.addEventListener("wheel", wheel, { passive: false });
    return () => (stop(), element.removeEventListener("wheel", wheel));
  }, []);
}
