// The flame graph: what lies within what, as wide as its time. A click makes a part the whole.
import { html, useMemo, useState } from "../lib.js";
import { hue, time } from "./trace.js";

const NARROWEST = 0.0012; // of the width: narrower parts are not drawn

const child = (part, name) => part[4].find(([other]) => other === name);

function drawn(root) {
  const found = [];
  const visit = (part, path, x, depth, whole) => {
    found.push({ part, path, x, wide: part[1] / whole, depth });
    let at = x;
    for (const inner of part[4]) {
      const wide = inner[1] / whole;
      if (wide > NARROWEST) visit(inner, [...path, inner[0]], at, depth + 1, whole);
      at += wide;
    }
  };
  visit(root, [], 0, 0, root[1] || 1);
  return found;
}

// props: tree [name, total, own, calls, [parts]].
export function Flame({ tree, filter }) {
  const [path, setPath] = useState([]);
  const chain = [tree];
  for (const name of path) {
    const inner = child(chain.at(-1), name);
    if (!inner) break;
    chain.push(inner);
  }
  const root = chain.at(-1), shown = useMemo(() => drawn(root), [root]);
  const deepest = shown.reduce((most, { depth }) => Math.max(most, depth), 0);
  const say = ([name, total, own, calls]) => `${name}\n${time(total, 4)} (${((100 * total) / (tree[1] || 1)).toFixed(1)} %), itself ${time(own, 4)}${calls ? `, ${calls} times` : ""}`;
  return html`<div class="flame">
    <nav aria-label="Part shown">${chain.map(([name], k) => html`${k > 0 && " › "}<button class="link" aria-current=${k === chain.length - 1} onClick=${() => setPath(path.slice(0, k))}>${name}</button>`)}
      <span class="faint">${time(root[1], 4)}</span></nav>
    <div class="parts" style=${`height: ${(deepest + 1) * 21}px`}>
      ${shown.map(({ part, path: below, x, wide, depth }) => html`<button key=${below.join("\n")} title=${say(part)} data-part=${part[0]}
        class=${`${wide > 0.02 ? "wide" : ""} ${filter && !filter(part[0]) ? "dim" : ""} ${below.length || chain.length > 1 ? "" : "all"}`} onClick=${() => setPath([...path.slice(0, chain.length - 1), ...below])}
        style=${`left: ${(100 * x).toFixed(3)}%; width: ${(100 * wide).toFixed(3)}%; top: ${depth * 21}px; --hue: ${hue(part[0])}`}>${wide > 0.02 ? part[0] : ""}</button>`)}
    </div></div>`;
}
