// A network: nodes drawn where springs along the edges and repulsion between all nodes come to rest
// (Fruchterman & Reingold 1991).
import { html, useMemo } from "../lib.js";

const MOST = 400; // nodes that are laid out
const COLOURS = ["#0077bb", "#ee7733", "#009988", "#cc3311", "#8c6bb1", "#bb9500", "#ee3377", "#33a3dc", "#6a994e", "#a05d34"];

export function layout(count, edges) {
  const at = Array.from({ length: count }, (_, k) => [Math.cos((2 * Math.PI * k) / count), Math.sin((2 * Math.PI * k) / count)]);
  const ideal = 1.4 / Math.sqrt(Math.max(count, 1));
  for (let turn = 0, heat = 0.25; turn < 150; turn++, heat *= 0.97) {
    const force = at.map(() => [0, 0]);
    const push = (a, b, strength) => {
      const dx = at[a][0] - at[b][0], dy = at[a][1] - at[b][1], far = Math.hypot(dx, dy) || 1e-3, s = strength(far) / far;
      force[a][0] += dx * s; force[a][1] += dy * s; force[b][0] -= dx * s; force[b][1] -= dy * s;
    };
    for (let a = 0; a < count; a++) for (let b = 0; b < a; b++) push(a, b, (far) => (ideal * ideal) / far);
    edges.forEach(([a, b]) => a !== b && push(a, b, (far) => -(far * far) / ideal));
    at.forEach((p, k) => {
      const size = Math.hypot(...force[k]) || 1, step = Math.min(size, heat) / size;
      p[0] += force[k][0] * step;
      p[1] += force[k][1] * step;
    });
  }
  const span = (axis) => [Math.min(...at.map((p) => p[axis])), Math.max(...at.map((p) => p[axis]))];
  const [[x0, x1], [y0, y1]] = [span(0), span(1)];
  return at.map(([x, y]) => [30 + (340 * (x - x0)) / (x1 - x0 || 1), 25 + (250 * (y - y0)) / (y1 - y0 || 1)]);
}

export function Network({ pane }) {
  const nodes = Array.isArray(pane.content?.nodes) ? pane.content.nodes.slice(0, MOST) : [];
  const edges = (Array.isArray(pane.content?.edges) ? pane.content.edges : [])
    .filter((edge) => nodes[edge?.source] && nodes[edge?.target]);
  const key = JSON.stringify(edges.map((edge) => [edge.source, edge.target]));
  const at = useMemo(() => layout(nodes.length, JSON.parse(key)), [nodes.length, key]);
  const arrow = `arrow-${pane.id}`;
  return html`<svg class="network" viewBox="0 0 400 300" role="img" aria-label=${`network of ${nodes.length} nodes`}>
    <defs><marker id=${arrow} viewBox="0 0 8 8" refX="15" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" /></marker></defs>
    ${edges.map((edge) => {
      const [[x1, y1], [x2, y2]] = [at[edge.source], at[edge.target]];
      return html`<g class="edge"><line x1=${x1} y1=${y1} x2=${x2} y2=${y2} marker-end=${pane.directed ? `url(#${arrow})` : undefined} />
        <title>${String(edge.label ?? "")}</title>
        ${pane.showEdgeLabels === true && html`<text x=${(x1 + x2) / 2} y=${(y1 + y2) / 2 - 2}>${String(edge.label ?? "")}</text>`}</g>`;
    })}
    ${nodes.map((node, k) => html`<g class="node"><circle cx=${at[k][0]} cy=${at[k][1]} r="6"
        fill=${COLOURS[(Number(node?.club) || 0) % COLOURS.length]} /><title>${String(node?.label ?? k)}</title>
      ${pane.showVertexLabels === true && html`<text x=${at[k][0] + 9} y=${at[k][1] + 4}>${String(node?.label ?? k)}</text>`}</g>`)}
  </svg>`;
}
