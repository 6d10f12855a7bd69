// Embeddings: a cloud of points by principal components or t-SNE; search, labels, colours, neighbours.
import { board } from "../board.js";
import { Select } from "../controls.js";
import { html, useMemo, useState, useEffect } from "../lib.js";
import { short } from "../numbers.js";
import { useUrl } from "../state.js";
import { cloudOf } from "./embeddings/camera.js";
import { Cloud } from "./embeddings/cloud.js";
import { coloursOf, search, useListing, useNeighbours, usePoints, useSprite } from "./embeddings/data.js";
import { TsnePanel, useTsne } from "./embeddings/tsne.js";
import { gradient } from "./ramp.js";

export function Embeddings() {
  const { all, errors } = useListing();
  const [which, setWhich] = useUrl("emb", "");
  if (!all) return html`<p class="none">${board.loaded ? "Looking for embeddings…" : ""}</p>`;
  const keyOf = (one) => `${one.run}#${one.index}`;
  const current = all.find((one) => keyOf(one) === which) ?? all.at(-1);
  const question = current && { run: current.run, index: current.index };
  const choices = Object.fromEntries(all.map((one) => [keyOf(one), `${one.run === "." ? "" : one.run + ": "}${one.name}`]));
  return html`${errors.slice(0, 5).map((text) => html`<p class="failed">${text}</p>`)}
    ${!current && html`<p class="none">No embeddings yet: writer.add_embedding(vectors, metadata=labels) makes some.</p>`}
    ${current && html`<${One} key=${keyOf(current)} question=${question} name=${current.name} choices=${choices} which=${keyOf(current)} setWhich=${setWhich} />`}`;
}

function One({ question, name, choices, which, setWhich }) {
  const found = usePoints(question);
  const bar = html`<${Select} label="Embedding" value=${which} choices=${choices} onInput=${setWhich} />`;
  if (!found) return html`<div class="bar">${bar}</div><p class="none" role="status">Reading the points…</p>`;
  if (found.error) return html`<div class="bar">${bar}</div><p class="none failed" role="alert">${name}: ${found.error}</p>`;
  return html`<${Explorer} question=${question} found=${found} bar=${bar} />`;
}

function Explorer({ question, found, bar }) {
  const { head, components } = found;
  const [method, setMethod] = useUrl("embby", "pca");
  const [dims, setDims] = useUrl("embdims", components.length > 2 ? 3 : 2);
  const [colourBy, setColourBy] = useUrl("embcolour", head.columns.at(-1) ?? "");
  const [labelBy, setLabelBy] = useUrl("emblabel", head.columns[0] ?? "");
  const [text, setText] = useUrl("embsearch", "");
  const [metric, setMetric] = useUrl("embmetric", "cosine");
  const [axes, setAxes] = useUrl("embaxes", "0,1,2");
  const [pictures, setPictures] = useUrl("embpictures", true);
  const [perplexity, setPerplexity] = useUrl("embperplexity", 30);
  const [rate, setRate] = useUrl("embrate", 0);
  const [iterations, setIterations] = useUrl("embiterations", 1000);
  const [chosen, setChosen] = useState(null);
  const [job, moving, actions] = useTsne(question);
  const near = useNeighbours(question, chosen, metric, 10);
  const sprite = useSprite(question, found);

  const space = Math.min(dims, components.length);
  const which = axes.split(",").map((k) => Math.min(Math.max(Number(k) || 0, 0), components.length - 1));
  const flat = useMemo(() => (components.length > 1 ? components : [components[0], new Float32Array(head.points)]), [components]);
  const pca = useMemo(() => cloudOf(which.slice(0, Math.max(space, 2)).map((k, i) => flat[components.length > 1 ? k : i]), Math.max(space, 2)), [axes, space, flat]);
  const cloud = method === "tsne" && moving ? moving : pca;
  const paint = useMemo(() => coloursOf(head, colourBy), [head, colourBy]);
  const hits = useMemo(() => search(head, text, ""), [head, text]);
  const labelAt = Math.max(head.columns.indexOf(labelBy), 0);
  const label = (i) => head.metadata[i]?.[labelAt] || `#${found.rows[i]}`;
  const start = { start: () => actions.start({ dims: space === 3 ? 3 : 2, perplexity, rate, iterations }) };
  useEffect(() => {
    if (method === "tsne" && moving && moving.dims !== Math.max(space, 2) && job.state !== "idle") start.start();
  }, [space]);

  const columns = Object.fromEntries(head.columns.map((c) => [c, c]));
  const axis = (k) => html`<${Select} label=${"xyz"[k]} value=${String(which[k])} onInput=${(v) => setAxes(which.map((w, i) => (i === k ? v : w)).join(","))}
    choices=${Object.fromEntries(components.map((_, i) => [i, `PC ${i + 1} (${(100 * head.explained[i]).toFixed(1)} %)`]))} />`;
  return html`<div class="bar">${bar}
      <${Select} label="By" value=${method} choices=${{ pca: "principal components", tsne: "t-SNE" }} onInput=${setMethod} />
      ${components.length > 2 && html`<${Select} label="In" value=${String(space)} choices=${{ 2: "2 D", 3: "3 D" }} onInput=${(v) => setDims(Number(v))} />`}
      ${head.columns.length > 0 && html`<${Select} label="Colour" value=${colourBy} choices=${{ "": "none", ...columns }} onInput=${setColourBy} />`}
      ${head.columns.length > 1 && html`<${Select} label="Label" value=${labelBy} choices=${columns} onInput=${setLabelBy} />`}
      ${sprite && html`<label class="control"><input type="checkbox" checked=${pictures} onInput=${(e) => setPictures(e.target.checked)} /> Pictures</label>`}
    </div>
    ${head.note && html`<p class="faint note" role="note">${head.note}</p>`}
    <div class="explorer">
      <section class="card space"><${Cloud} cloud=${cloud} colours=${paint.colours} label=${label} chosen=${chosen} found=${hits} near=${near}
        sprite=${pictures ? sprite : null} onChoose=${setChosen} /></section>
      <aside class="card panel" aria-label="Points">
        ${method === "pca"
          ? html`<div class="fields axes">${[0, 1, 2].slice(0, Math.min(Math.max(space, 1), components.length)).map(axis)}</div>`
          : html`<${TsnePanel} job=${job} actions=${{ ...actions, ...start }} size=${head.points}
              settings=${{ perplexity, rate, iterations }} set=${{ perplexity: setPerplexity, rate: setRate, iterations: setIterations }} />`}
        <p class="faint">${head.points.toLocaleString()} points in ${head.dimensions} dimensions</p>
        <input type="search" placeholder="Find labels (regex)" aria-label="Find labels" value=${text} onInput=${(e) => setText(e.target.value)} />
        ${chosen !== null && html`<${Chosen} head=${head} chosen=${chosen} near=${near} label=${label} choose=${setChosen} metric=${metric} setMetric=${setMetric} />`}
        ${hits && html`<${Hits} hits=${hits} label=${label} choose=${setChosen} />`}
        ${chosen === null && !hits && html`<${Legend} paint=${paint} find=${setText} />`}
      </aside>
    </div>`;
}

function Hits({ hits, label, choose }) {
  return html`<p class="faint" role="status">${hits.size} found</p>
    <ul class="points">${[...hits].slice(0, 30).map((i) => html`<li key=${i}><button class="point" onClick=${() => choose(i)}>${label(i)}</button></li>`)}</ul>`;
}

function Chosen({ head, chosen, near, label, choose, metric, setMetric }) {
  const most = Math.max(...near.values(), 1e-12);
  return html`<section class="chosen"><h3>${label(chosen)} <button class="quiet" title="Choose none (Escape)" onClick=${() => choose(null)}>✕</button></h3>
    ${head.columns.length > 1 && html`<dl>${head.columns.map((c, k) => html`<dt>${c}</dt><dd>${head.metadata[chosen]?.[k]}</dd>`)}</dl>`}
    <${Select} label="Nearest by" value=${metric} choices=${{ cosine: "cosine distance", euclidean: "Euclidean distance" }} onInput=${setMetric} />
    <ol class="points near">${[...near].map(([i, far]) => html`<li key=${i}><button class="point" onClick=${() => choose(i)}>
      <span class="name">${label(i)}</span> <span class="n faint">${short(Number(far.toPrecision(3)))}</span>
      <i style=${`width: ${(100 * far) / most}%`}></i></button></li>`)}</ol>
  </section>`;
}

function Legend({ paint, find }) {
  if (paint.low !== undefined)
    return html`<p class="key faint"><span class="n">${short(paint.low)}</span><i style=${`background: ${gradient}`}></i><span class="n">${short(paint.high)}</span></p>`;
  return html`<ul class="points">${paint.kinds.map(({ text, colour, count }) => html`<li key=${text}>
      <button class="point kind" title="Find these" onClick=${() => find("^" + text.replace(/[.*+?^$\{}()|[\]\\]/g, "\\$&") + "$")}>
        <i class="dot" style=${`background: ${colour}`}></i><span class="name">${text || "(empty)"}</span> <span class="n faint">${count}</span></button></li>`)}</ul>
    ${paint.rest > 0 && html`<p class="faint">and ${paint.rest} more in grey</p>`}`;
}
