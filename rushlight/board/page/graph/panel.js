// What is known of the op or module that is selected.
import { ask } from "../board.js";
import { html, useEffect, useState } from "../lib.js";
import { elements, inside, typeText } from "./model.js";

const HIDDEN = new Set(["_source", "_source_text", "_modules"]);
const MOST = 40; // rows of a list

export function Source({ line, text }) {
  if (!line) return null;
  return html`<div class="source"><span class="where">${line}</span>${text && html`<code>${text}</code>`}</div>`;
}

function Items({ title, rows }) {
  if (!rows.length) return null;
  return html`<h4>${title} <span class="faint">${rows.length}</span></h4>
    <ul>${rows.slice(0, MOST)}${rows.length > MOST && html`<li class="faint">and ${rows.length - MOST} more</li>`}</ul>`;
}

const row = (item, type, onShow, note = "") => html`<li><button class="link" title=${item.name} onClick=${() => onShow(item)}>${item.name}</button>
  <span class="faint">${[typeText(type), note].filter(Boolean).join(" · ")}</span></li>`;

// An op's attributes, asked for when it is selected.
function useAttributes(choice, node) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    setFound(null);
    if (!node) return;
    let alive = true;
    ask("/api/graph/node", { ...choice, node: node.id })
      .then(({ attributes }) => alive && setFound(Object.entries(attributes).filter(([name]) => !HIDDEN.has(name))))
      .catch((error) => alive && setFound([["error", error.message]]));
    return () => (alive = false);
  }, [node, choice.run, choice.kind, choice.tag]);
  return found;
}

function Node({ node, graph, choice, onShow }) {
  const attributes = useAttributes(choice, node);
  const inputs = node.inputs.filter(([k]) => !graph.nodes[k].folded);
  const given = node.given.map((one) => row(one, one.outputs[0], onShow));
  const readers = [...new Set(node.readers)];
  return html`<p class="op">${node.op}${node.classes.length > 0 && html`<span class="faint"> in ${node.classes.filter(Boolean).join(" › ")}</span>`}</p>
    <${Source} line=${node.line} text=${node.text} />
    ${node.outputs.length > 0 && html`<h4>Output</h4><ul>${node.outputs.map((type) => html`<li>${typeText(type)}</li>`)}</ul>`}
    <${Items} title="Inputs" rows=${inputs.map(([k, output]) => row(graph.nodes[k], graph.nodes[k].outputs[output], onShow, output < 0 ? "order only" : ""))} />
    <${Items} title="Parameters and constants" rows=${given} />
    <${Items} title="Read by" rows=${readers.map((one) => row(one, one.outputs[0], onShow))} />
    ${attributes?.length > 0 && html`<h4>Attributes</h4><table class="attributes"><tbody>${attributes.map(([name, text]) => html`<tr><th>${name}</th><td>${text}</td></tr>`)}</tbody></table>`}`;
}

function Module({ scope, onToggle, isOpen, onShow }) {
  const all = inside(scope), ops = all.filter((node) => !node.folded);
  const parameters = all.filter((node) => /^(Parameter|Variable|VarHandleOp)/.test(node.op));
  const size = parameters.reduce((sum, node) => sum + elements(node.outputs[0]), 0);
  const lines = new Map();
  ops.forEach((node) => node.line && lines.set(node.line, { text: node.text, count: (lines.get(node.line)?.count ?? 0) + 1 }));
  const counts = new Map();
  ops.forEach((node) => counts.set(node.op, (counts.get(node.op) ?? 0) + 1));
  const common = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12);
  return html`<p class="op">${scope.kind || "scope"}</p>
    <button class="wide" onClick=${() => onToggle(scope)}>${isOpen ? "Close" : "Open"}</button>
    <p>${ops.length} ops${parameters.length > 0 && html`, ${size ? size.toLocaleString("en") + " numbers in " : ""}${parameters.length} parameters`}</p>
    <${Items} title="Ops" rows=${common.map(([op, count]) => html`<li>${op} <span class="faint">${count}</span></li>`)} />
    <${Items} title="Lines" rows=${[...lines].map(([line, { text }]) => html`<li><${Source} line=${line} text=${text} /></li>`)} />
    <${Items} title="Parameters" rows=${parameters.map((one) => row(one, one.outputs[0], onShow))} />`;
}

export function Panel({ item, graph, choice, isOpen, onToggle, onShow, onClose }) {
  const node = item.isScope ? item.only : item;
  return html`<aside class="panel" aria-label="Details">
    <header><h3 title=${item.name}>${item.name}</h3><button class="quiet" title="Close (Escape)" onClick=${onClose}>✕</button></header>
    ${node ? html`<${Node} key=${node.uid} node=${node} graph=${graph} choice=${choice} onShow=${onShow} />`
      : html`<${Module} key=${item.uid} scope=${item} isOpen=${isOpen} onToggle=${onToggle} onShow=${onShow} />`}
  </aside>`;
}
