// A graph as the page knows it: scopes by the slashes in names, parameters folded into the ops that read
// them, equal blocks in a row, and what is drawn of it when some scopes are open.

const DEEPEST = 40; // scopes within scopes; what is deeper stays together
const LEAST_SERIES = 3; // equal blocks in a row that become one
const SOURCES = /^(Parameter|Buffer|Const|prim::(GetAttr|Constant)|Variable(V2)?|VarHandleOp|VarIsInitializedOp)$/;
const PASSING = /^(prim::ListConstruct|prim::GetAttr|ReadVariableOp|Identity)$/; // folded if all they read is

// A name's parts. PyTorch writes "Linear[fc1]": the class and the name.
function parts(name) {
  const all = name.split("/").filter(Boolean);
  return all.length > DEEPEST ? [...all.slice(0, DEEPEST - 1), all.slice(DEEPEST - 1).join("/")] : all.length ? all : ["(no name)"];
}

function labelled(part) {
  const found = /^([\w.]+)\[(.+)\]$/.exec(part);
  return found ? { label: found[2], kind: found[1] } : { label: part, kind: "" };
}

let last = 0; // number of the last item made

class Scope {
  constructor(key, part, parent) {
    Object.assign(this, { uid: ++last, key, name: key, parent, ...labelled(part), scopes: new Map(), nodes: [], count: 0, series: 0, hash: 0, only: null });
    this.depth = parent ? parent.depth + 1 : 0;
    this.isScope = true;
  }
}

// rows: what server/graphs.py's `drawn` sends.
export function build(rows) {
  const root = new Scope("", "", null), scopes = new Map([["", root]]);
  const nodes = rows.map(([name, op, inputs, outputs, line, text, classes], id) => ({
    id, name, op, inputs, outputs, line, text, classes: classes ? classes.split("/") : [],
    uid: ++last, key: name, parts: parts(name), readers: [], given: [], folded: false, parent: root, isScope: false,
  }));
  nodes.forEach((node) => placed(node, root, scopes));
  nodes.forEach((node) => {
    const own = scopes.get(node.parts.join("/"));
    if (own) node.parent = own;
    node.label = labelled(node.parts.at(-1)).label;
    node.inputs.forEach(([k]) => nodes[k].readers.push(node));
  });
  fold(nodes);
  nodes.forEach((node) => {
    node.parent.nodes.push(node);
    if (!node.folded) for (let s = node.parent; s; s = s.parent) s.count++;
  });
  summarise(root);
  const edges = nodes.flatMap((node) => (node.folded ? [] : node.inputs.filter(([k]) => !nodes[k].folded).map(([k, output]) => ({ from: nodes[k], to: node, output }))));
  return { root, nodes, scopes, edges };
}

function placed(node, root, scopes) {
  let at = root;
  node.parts.slice(0, -1).forEach((part, k) => {
    const key = at.key ? `${at.key}/${part}` : part;
    if (!scopes.has(key)) {
      const made = new Scope(key, part, at);
      scopes.set(key, made);
      at.scopes.set(part, made);
    }
    at = scopes.get(key);
    at.kind ||= node.classes[k] ?? "";
  });
  node.parent = at;
}

// Parameters and constants are not drawn, but listed at what reads them; so is what only hands them on.
function fold(nodes) {
  nodes.forEach((node) => (node.folded = SOURCES.test(node.op) && !node.inputs.length));
  for (let round = 0; round < 4; round++)
    nodes.forEach((node) => {
      if (!node.folded && PASSING.test(node.op) && node.inputs.every(([k]) => nodes[k].folded) && (node.inputs.length || node.op.startsWith("prim"))) node.folded = true;
    });
  nodes.forEach((node) => (node.given = [...new Set(node.inputs.map(([k]) => nodes[k]).filter((one) => one.folded))]));
}

const mixed = (hash, text) => {
  for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 16777619) >>> 0;
  return hash;
};

// From the leaves up: a hash that is equal for scopes of the same structure; a scope of one op is that op.
function summarise(scope) {
  let hash = mixed(2166136261, scope.kind);
  for (const node of scope.nodes) if (!node.folded) hash = mixed(hash, node.op);
  for (const child of scope.scopes.values()) hash = mixed(hash, String(summarise(child)));
  scope.hash = hash;
  for (const [part, child] of scope.scopes) if (!child.count) scope.scopes.delete(part);
  const drawn = scope.nodes.filter((node) => !node.folded);
  if (scope.parent && !scope.scopes.size && drawn.length === 1) scope.only = drawn[0];
  joinSeries(scope);
  return hash;
}

// Children "0", "1", "2" ... of one structure become one child that opens to them.
function joinSeries(scope) {
  const all = [...scope.scopes.values()];
  const numbered = (one) => /^(.*?)(\d+)$/.exec(one.label);
  for (let k = 0; k < all.length; ) {
    let end = k + 1;
    const first = numbered(all[k]);
    while (first && end < all.length && all[end].hash === all[k].hash && numbered(all[end])?.[1] === first[1]) end++;
    const run = all.slice(k, end);
    k = end;
    if (run.length < LEAST_SERIES || run[0].only) continue;
    const what = `${run.length} × ${run[0].kind || "block"}`;
    if (run.length === all.length && !scope.nodes.some((node) => !node.folded) && scope.parent) {
      scope.series = run.length;
      scope.kind = what;
      continue;
    }
    const made = new Scope(`${scope.key}/${run[0].label}…${run.at(-1).label}`, `${run[0].label} … ${run.at(-1).label}`, scope);
    Object.assign(made, { kind: what, series: run.length, hash: run[0].hash, count: run.reduce((sum, one) => sum + one.count, 0) });
    run.forEach((one) => {
      made.scopes.set(one.label, one);
      one.parent = made;
      scope.scopes.delete([...scope.scopes].find(([, value]) => value === one)[0]);
    });
    scope.scopes.set(made.label, made);
  }
}

export const isOpen = (scope, open) => !scope.parent || (open.has(scope.key) && !scope.only);

// What stands for a node: itself, or the outermost closed scope that it lies in.
export function shownFor(node, open) {
  let found = node.folded ? null : node;
  for (let s = node.parent; s; s = s.parent) if (!isOpen(s, open)) found = s;
  return found;
}

// All scopes around a node or scope, to be opened so that it is seen.
export function around(item) {
  const found = [];
  for (let s = item.parent; s && s.parent; s = s.parent) found.push(s);
  return found;
}

const shapeOf = (node, output) => (output < 0 ? null : node.outputs[output] ?? null);
export const typeText = (type) => (type ? `${type[0]}${type[1] ? ` ${type[1]}` : ""}` : "");

// {items: nodes and scopes to draw with their parents, links between them with what flows}.
export function visible(graph, open) {
  const items = [];
  const visit = (scope) => {
    if (scope.parent) items.push(scope);
    if (!isOpen(scope, open)) return;
    scope.nodes.forEach((node) => node.folded || items.push(node));
    scope.scopes.forEach(visit);
  };
  visit(graph.root);
  const links = new Map();
  for (const { from, to, output } of graph.edges) {
    const a = shownFor(from, open), b = shownFor(to, open);
    if (a === b || !a || !b) continue;
    const key = `${a.uid}>${b.uid}`;
    if (!links.has(key)) links.set(key, { from: a, to: b, flows: new Map(), order: true });
    const link = links.get(key);
    if (output >= 0) link.order = false;
    link.flows.set(`${from.id}:${output}`, shapeOf(from, output));
  }
  return { items, links: [...links.values()] };
}

// What an edge says: the shape and type of the tensor, or how many there are.
export function flowText({ flows, order }) {
  if (order) return "order";
  const texts = [...new Set([...flows.values()].map(typeText).filter(Boolean))];
  if (flows.size > 1) return texts.length === 1 ? `${flows.size} × ${texts[0]}` : `${flows.size} tensors`;
  return texts[0] ?? "";
}

export const elements = (type) => (type && /^[\d×]+$/.test(type[0]) ? type[0].split("×").reduce((a, b) => a * Number(b), 1) : type?.[0] === "scalar" ? 1 : 0);

// All nodes within a scope.
export function inside(scope) {
  return [...scope.nodes, ...[...scope.scopes.values()].flatMap(inside)];
}
