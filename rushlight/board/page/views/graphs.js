// Graphs: a model's ops by module. Modules open and close; a click says what an op is and which line made it.
import { ask, listen, matcher } from "../board.js";
import { Diagram, useLayout } from "../graph/diagram.js";
import { around, build } from "../graph/model.js";
import { Panel } from "../graph/panel.js";
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../lib.js";
import { useUrl } from "../state.js";

const MOST_HITS = 30;
const addressOf = ({ run, kind, tag }) => [run, kind, tag].map(encodeURIComponent).join(",");
const titleOf = ({ run, kind, tag }) => run + (kind === "graph" ? "" : ` · ${tag || kind}`);
const listText = (set) => [...set].map(encodeURIComponent).join(",");

// The graphs there are, and the one that is chosen; again when the server says that there are others.
function useGraphs() {
  const [all, setAll] = useState(null);
  const [versions, setVersions] = useState({}); // by run: how often a graph of it was written since
  useEffect(() => {
    let timer = 0;
    const load = () => ask("/api/graphs").then(({ graphs }) => setAll(graphs)).catch((error) => console.warn(error.message));
    const stop = listen((message) => {
      const ours = message.type === "entries" && message.kind.startsWith("graph");
      if (!ours && message.type !== "runs" && message.type !== "reload") return;
      if (ours) setVersions((all) => ({ ...all, [message.run]: (all[message.run] ?? 0) + 1 }));
      clearTimeout(timer);
      timer = setTimeout(load, 100);
    });
    load();
    return () => (clearTimeout(timer), stop());
  }, []);
  return [all, versions];
}

function useGraph(choice, version) {
  const [state, setState] = useState({ graph: null, error: "" });
  useEffect(() => {
    if (!choice) return;
    let alive = true;
    ask("/api/graph", choice)
      .then((found) => alive && setState({ graph: build(found.nodes), error: "" }))
      .catch((error) => alive && setState({ graph: null, error: error.message }));
    return () => (alive = false);
  }, [choice && addressOf(choice), version]);
  return state;
}

// Which scopes are open, in the address ("-": none); at first, and after a set to null, a lone outermost one.
function useOpen(graph) {
  const [text, setText] = useUrl("open", "");
  const open = useMemo(() => {
    const tops = graph ? [...graph.root.scopes.values()] : [];
    if (!text) return new Set(tops.length === 1 ? [tops[0].key] : []);
    return new Set(text.split(",").map(decodeURIComponent));
  }, [text, graph]);
  return [open, (next) => setText(next ? listText(next) || "-" : "")];
}

function Search({ graph, query, setQuery, onShow }) {
  const [at, setAt] = useState(0);
  const hits = useMemo(() => {
    if (!graph || !query) return [];
    const test = matcher(query);
    const rank = (node) => (test(node.label) || test(node.op) ? 0 : test(node.name) ? 1 : test(node.line) || test(node.text) ? 2 : 3);
    const ranked = [[], [], [], []]; // an op of that name first, then what lies in one, then lines
    graph.nodes.forEach((node) => ranked[rank(node)].push(node));
    return ranked.slice(0, 3).flat();
  }, [graph, query]);
  const press = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((at + step + hits.length) % Math.max(1, Math.min(hits.length, MOST_HITS)));
    else if (event.key === "Enter" && hits[at]) onShow(hits[at]);
    else if (event.key === "Escape") setQuery("");
    else return;
    event.preventDefault();
  };
  return html`<div class="finder"><input type="search" placeholder="Find ops, lines (regex)" aria-label="Find ops" value=${query}
      onInput=${(e) => (setQuery(e.target.value), setAt(0))} onKeyDown=${press} />
    ${query && html`<ul class="found" role="listbox">${hits.slice(0, MOST_HITS).map((node, k) => html`<li role="option" aria-selected=${k === at}>
        <button onClick=${() => onShow(node)}><span>${node.name}</span> <small class="faint">${node.op}${node.line && ` · ${node.line}`}</small></button></li>`)}
      ${hits.length > MOST_HITS && html`<li class="faint">and ${hits.length - MOST_HITS} more</li>`}
      ${!hits.length && html`<li class="faint">nothing</li>`}</ul>`}
  </div>`;
}

export function Graphs() {
  const [all, versions] = useGraphs();
  const [address, setAddress] = useUrl("graph", "");
  const choice = all && (all.find((one) => addressOf(one) === address) ?? all[0]);
  const { graph, error } = useGraph(choice, choice ? versions[choice.run] : 0);
  const [open, setOpen] = useOpen(graph);
  const [name, setName] = useUrl("node", "");
  const [query, setQuery] = useState("");
  const found = useLayout(graph, open);
  const controls = useRef(null);
  const selected = useMemo(() => graph && name && (graph.nodes.find((node) => node.name === name) ?? graph.scopes.get(name) ?? null), [graph, name]);
  const live = useRef({});
  live.current = { open, setOpen, graph, query };

  // The box that shows an item: the scope of a single op is drawn as that op.
  const boxed = (item) => (!item.isScope && item.parent.only === item ? item.parent : item);
  const toggle = useCallback((scope) => {
    const next = new Set(live.current.open);
    next.has(scope.key) ? next.delete(scope.key) : next.add(scope.key);
    controls.current?.keep(scope);
    live.current.setOpen(next);
  }, []);
  const select = useCallback((item) => setName(item ? (item.only ?? item).name : ""), []);
  const show = useCallback((item) => {
    let drawn = item;
    for (let k = 0; drawn && drawn.folded && k < 8; k++) drawn = drawn.readers[0];
    setName(item.name);
    setQuery("");
    if (!drawn) return;
    const target = boxed(drawn);
    controls.current?.show(target);
    live.current.setOpen(new Set([...live.current.open, ...around(target).map((scope) => scope.key)]));
  }, []);
  const ready = useCallback((made) => (controls.current = made), []);
  useEffect(() => { // an address that names an op opens what is around it
    if (selected && !selected.folded) {
      const missing = around(boxed(selected)).filter((scope) => !open.has(scope.key));
      if (missing.length) show(selected);
    }
  }, [graph]);

  if (all && !all.length)
    return html`<p class="none">No graph yet: writer.add_graph(model, inputs) makes one.</p>`;
  return html`<div class="bar graphs">
      ${all?.length > 1 && html`<label class="control">Graph <select aria-label="Graph" onInput=${(e) => (setAddress(e.target.value), setName(""), live.current.setOpen(null))}>
        ${all.map((one) => html`<option value=${addressOf(one)} selected=${one === choice}>${titleOf(one)}</option>`)}</select></label>`}
      <${Search} graph=${graph} query=${query} setQuery=${setQuery} onShow=${show} />
      <span class="buttons"><button class="quiet" title="Zoom in (+)" onClick=${() => controls.current?.zoom(1.25)}>+</button>
      <button class="quiet" title="Zoom out (-)" onClick=${() => controls.current?.zoom(0.8)}>−</button>
      <button class="quiet" title="Show all (0)" onClick=${() => controls.current?.fit()}>⤢</button></span>
      ${graph && html`<span class="faint">${graph.root.count} ops${found?.left > 0 ? `, ${found.left} of them not drawn: find them by name` : ""}</span>`}
    </div>
    ${error && html`<p class="none">${error}</p>`}
    <div class=${"graph" + (selected ? " detailed" : "")} hidden=${!graph}>
      <${Diagram} found=${found} selected=${selected ? boxed(selected) : null} onSelect=${select} onToggle=${toggle} onReady=${ready} />
      ${graph && !graph.nodes.length && html`<p class="none">This graph has no ops.</p>`}
      ${selected && html`<${Panel} item=${selected} graph=${graph} choice=${choice} isOpen=${open.has(selected.key)} onToggle=${toggle} onShow=${show} onClose=${() => setName("")} />`}
    </div>`;
}
