// A worker that says where things stand: dagre for what people look at, rows by rank for what is too much.
import { Graph, layout } from "../vendor/dagre.mjs";

const MOST = 500; // items that dagre takes within a second

function byDagre({ items, links }) {
  const graph = new Graph({ compound: true, multigraph: false });
  graph.setGraph({ rankdir: "TB", nodesep: 26, edgesep: 14, ranksep: 34, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  items.forEach(({ key, width, height, open }) => graph.setNode(key, open ? {} : { width, height }));
  items.forEach(({ key, parent }) => parent && graph.setParent(key, parent));
  links.forEach(({ from, to, width, height }) => graph.setEdge(from, to, { width, height, labelpos: "c" }));
  layout(graph);
  const boxes = items.map(({ key }) => {
    const { x, y, width, height } = graph.node(key);
    return { x, y, width, height };
  });
  const lines = links.map(({ from, to }) => {
    const { points, x, y } = graph.edge(from, to);
    return { points, x, y };
  });
  const { width, height } = graph.graph();
  return { boxes, lines, width, height };
}

// Ranks by the longest way to each item; ways back of cycles count for nothing.
function ranks(items, links) {
  const next = new Map(items.map(({ key }) => [key, []])), before = new Map(), rank = new Map(), least = new Map();
  links.forEach(({ from, to }) => {
    next.get(from).push(to);
    before.set(to, (before.get(to) ?? 0) + 1);
  });
  const ready = items.filter(({ key }) => !before.get(key)).map(({ key }) => key);
  for (let at = 0, left = 0; rank.size < items.length; ) {
    if (at === ready.length) { // all that is left lies on or behind cycles: begin anywhere
      while (rank.has(items[left].key)) left++;
      ready.push(items[left].key);
    }
    const key = ready[at++];
    if (rank.has(key)) continue;
    rank.set(key, least.get(key) ?? 0);
    for (const to of next.get(key)) {
      least.set(to, Math.max(least.get(to) ?? 0, rank.get(key) + 1));
      before.set(to, before.get(to) - 1);
      if (!before.get(to)) ready.push(to);
    }
  }
  return rank;
}

function byRanks({ items, links }) {
  const leaves = items.filter(({ open }) => !open), rank = ranks(leaves, links);
  const rows = new Map(), boxes = new Map();
  leaves.forEach((item) => rows.set(rank.get(item.key), [...(rows.get(rank.get(item.key)) ?? []), item]));
  let y = 20, widest = 0;
  for (const [, row] of [...rows].sort(([a], [b]) => a - b)) {
    for (let start = 0; start < row.length; start += 60) {
      let x = 20;
      for (const { key, width, height } of row.slice(start, start + 60)) {
        boxes.set(key, { x: x + width / 2, y: y + height / 2, width, height });
        x += width + 20;
      }
      widest = Math.max(widest, x);
      y += 80;
    }
  }
  const lines = links.map(({ from, to }) => {
    const a = boxes.get(from), b = boxes.get(to);
    return { points: [{ x: a.x, y: a.y + a.height / 2 }, { x: b.x, y: b.y - b.height / 2 }], x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  });
  return { boxes: items.map(({ key }) => boxes.get(key) ?? null), lines, width: widest, height: y };
}

onmessage = ({ data }) => {
  const begun = performance.now();
  let found;
  try {
    found = data.items.length > MOST ? byRanks(data) : byDagre(data);
  } catch (error) {
    found = byRanks(data);
    found.why = String(error.message);
  }
  postMessage({ id: data.id, took: performance.now() - begun, ...found });
};
