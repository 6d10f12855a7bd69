// What stands in a window, by its type: text, images, properties; figures are in plotly.js, networks in network.js.
import { html, useEffect, useRef, useState } from "../lib.js";
import { deliver, happened } from "./store.js";
import { Figure } from "./plotly.js";
import { Network } from "./network.js";
import { sanitised } from "./sanitise.js";

const list = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (value === undefined || value === null ? "" : String(value));

let sheet = null;
function textStyle() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(`:host { display: block; overflow-wrap: anywhere; contain: content; }
      img, video { max-width: 100%; } img.svg { background: #fff; border-radius: 4px; } audio { width: 100%; } pre { overflow-x: auto; }
      table { border-collapse: collapse; } td, th { padding: .1rem .5rem; } a { color: var(--accent); }`);
  }
  return sheet;
}

// HTML of a log, made harmless, in a tree of its own.
export function Html({ content }) {
  const host = useRef();
  useEffect(() => {
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [textStyle()];
    const { fragment, urls } = sanitised(content);
    const inside = document.createElement("div");
    inside.append(fragment);
    root.replaceChildren(inside);
    return () => urls.forEach((url) => URL.revokeObjectURL(url));
  }, [content]);
  return html`<div class="html" ref=${host}></div>`;
}

const Text = ({ pane }) => html`<div class="scroll"><${Html} content=${text(pane.content)} /></div>`;

const SAFE = /^data:image\/(png|apng|jpeg|gif|webp|bmp);base64,/i;

function Picture({ env, pane, content }) {
  const src = text(content?.src);
  const click = (event) => {
    const { naturalWidth, naturalHeight, clientWidth, clientHeight } = event.target;
    const scale = Math.min(clientWidth / naturalWidth, clientHeight / naturalHeight);
    const x = (event.offsetX - (clientWidth - naturalWidth * scale) / 2) / scale;
    const y = (event.offsetY - (clientHeight - naturalHeight * scale) / 2) / scale;
    if (x >= 0 && y >= 0 && x < naturalWidth && y < naturalHeight) happened(env, pane.id, { event_type: "Click", image_coord: { x, y } });
  };
  if (!SAFE.test(src)) return html`<p class="problem">This is no image that can be shown.</p>`;
  return html`<figure class="picture"><img src=${src} alt=${text(content?.caption) || pane.title} onClick=${click} draggable=${false} />
    ${content?.caption && html`<figcaption>${text(content.caption)}</figcaption>`}</figure>`;
}

const Image = ({ env, pane }) => html`<${Picture} env=${env} pane=${pane} content=${pane.content} />`;

function History({ env, pane }) {
  const images = list(pane.content);
  const at = Math.max(0, Math.min(images.length - 1, Number(pane.selected) || 0));
  const [chosen, choose] = useState(null);
  useEffect(() => choose(null), [pane.selected, images.length]);
  const shown = chosen ?? at;
  const slide = (event) => {
    const selected = Number(event.target.value);
    choose(selected);
    deliver("/api/panes/do/select", { eid: env, win: pane.id, selected }, `select ${env}/${pane.id}`);
  };
  return html`<${Picture} env=${env} pane=${pane} content=${images[shown]} />
    ${pane.show_slider !== false && images.length > 1 && html`<label class="control steps">
      <input type="range" min="0" max=${images.length - 1} value=${shown} aria-label="Image" onInput=${slide} />
      <output>${shown + 1} / ${images.length}</output></label>`}`;
}

// -- properties --------------------------------------------------------------------------------------

// A value under the user's hand is not overwritten by what comes back meanwhile.
function useDraft(value) {
  const [draft, setDraft] = useState(null);
  const timer = useRef(0);
  const edit = (next) => {
    setDraft({ next });
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDraft(null), 700);
  };
  return [draft ? draft.next : value, edit];
}

const Number_ = (value, fallback) => (Number.isFinite(Number(value)) && text(value) !== "" ? Number(value) : fallback);

function Property({ env, pane, item, k }) {
  const [value, edit] = useDraft(item.value);
  const name = text(item.name) || `property ${k}`;
  const id = `p-${env}-${pane.id}-${k}`;
  const tell = (next, live = false) => {
    edit(next);
    happened(env, pane.id, { event_type: "PropertyUpdate", propertyId: k, value: next }, live && `property ${k}`);
  };
  const typed = (event) => edit(event.target.value);
  const done = (event) => event.target.value !== text(item.value) && tell(event.target.value);
  const enter = (event) => event.key === "Enter" && event.target.blur();
  const controls = {
    button: () => html`<button id=${id} class="action" onClick=${() => tell(item.value)}>${text(item.value)}</button>`,
    checkbox: () => html`<input id=${id} type="checkbox" checked=${Boolean(value)} onChange=${(e) => tell(e.target.checked)} />`,
    select: () => html`<select id=${id} onChange=${(e) => tell(Number(e.target.value))}>${list(item.values).map((each, n) =>
      html`<option value=${n} selected=${n === Number(value)}>${text(each)}</option>`)}</select>`,
    slider: () => html`<${Slider} id=${id} item=${item} value=${value} tell=${tell} />`,
    number: () => html`<input id=${id} type="number" step=${item.step ?? "any"} min=${item.min} max=${item.max} value=${text(value)}
      onInput=${typed} onChange=${done} onKeyDown=${enter} />`,
    text: () => html`<input id=${id} type="text" value=${text(value)} onInput=${typed} onChange=${done} onKeyDown=${enter} />`,
  };
  return html`<tr><th scope="row"><label for=${id}>${name}</label></th><td>${(controls[item.type] ?? controls.text)()}</td></tr>`;
}

// A slider from min to max; with `log`, even steps are even ratios.
function Slider({ id, item, value, tell }) {
  const min = Number_(item.min, 0), max = Number_(item.max, 1), log = Boolean(item.log) && min > 0;
  const to = (x) => (log ? Math.log(x / min) / Math.log(max / min) : x);
  const from = (t) => (log ? Number((min * (max / min) ** t).toPrecision(4)) : t);
  const now = Math.min(max, Math.max(min, Number_(value, min)));
  return html`<span class="slider"><input id=${id} type="range" min=${log ? 0 : min} max=${log ? 1 : max}
      step=${log ? 0.002 : (item.step ?? (max - min) / 200)} value=${to(now)} onInput=${(e) => tell(from(Number(e.target.value)), true)} />
    <output>${Number(now.toPrecision(4))}</output></span>`;
}

const Properties = ({ env, pane }) => html`<div class="scroll"><table class="properties"><tbody>${list(pane.content).map((item, k) =>
  html`<${Property} key=${k} env=${env} pane=${pane} item=${item ?? {}} k=${k} />`)}</tbody></table></div>`;

// -- figures -----------------------------------------------------------------------------------------

const xy = ({ curveNumber, pointNumber, x, y, z }) => ({ curve: curveNumber, index: pointNumber, x, y, ...(z === undefined ? {} : { z }) });

const Plot = ({ env, pane, version }) => html`<${Figure} content=${pane.content} title=${pane.title} version=${version}
  onPoint=${(points) => happened(env, pane.id, { event_type: "Click", points: points.map(xy) })} />`;

function Embeddings({ env, pane, version }) {
  const { data, selected, isLoading, has_previous: previous } = pane.content ?? {};
  if (isLoading) return html`<p class="faint padded">Computing…</p>`;
  const points = list(data).filter((point) => point && typeof point === "object"), groups = new Map();
  points.forEach((point) => groups.set(text(point.label), [...(groups.get(text(point.label)) ?? []), point]));
  const traces = [...groups].map(([name, all]) => ({
    type: "scattergl", mode: "markers", name, text: all.map((p) => text(p.name)), hoverinfo: "text+name", marker: { size: 6 },
    x: all.map((p) => p.position?.[0]), y: all.map((p) => p.position?.[1]), customdata: all.map((p) => [p.idx, text(p.name)]),
  }));
  const region = (chosen) => happened(env, pane.id, { event_type: "RegionSelected", selectedIdxs: chosen.map((p) => p.customdata[0]) });
  const entity = ([{ customdata: [idx, entityId] }]) => happened(env, pane.id, { event_type: "EntitySelected", idx, entityId });
  return html`<${Figure} content=${{ data: traces, layout: { showlegend: true } }} title=${pane.title} version=${version}
      onPoint=${entity} onRegion=${region} dragmode="lasso" />
    ${selected && html`<div class="selected"><${Html} content=${text(selected.html)} /></div>`}
    ${previous && html`<button class="action back" onClick=${() => deliver("/api/panes/do/pop_embeddings", { eid: env, win: pane.id })}>Back</button>`}`;
}

export const KINDS = { text: Text, image: Image, image_history: History, properties: Properties, plot: Plot, embeddings: Embeddings, network: Network };
