// Meshes and clouds of points, which turn under the pointer and the arrow keys.
import { ask, askPacked, board, matcher, useRuns } from "../board.js";
import { CARDS, CardHead, More, Problem, Steps, stepKeys, useAnswer, useNews, useStep } from "../entries.js";
import { useVisible } from "../scalars/card.js";
import { follow } from "../gestures.js";
import { Groups } from "../groups.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { fromJson, short } from "../numbers.js";
import { Mesh, START, drawn as pixelsOf } from "../rasteriser.js";
import { useUrl } from "../state.js";

const lengths = ({ vertices, faces, colours }) => [vertices, faces, colours].map((n) => 3 * n);
const make = async (path, question) => {
  const answer = await askPacked(path, question, lengths);
  return answer.head.error ? answer.head : answer;
};

const TURN = 0.12;
const KEYS = { ArrowLeft: { yaw: -TURN }, ArrowRight: { yaw: TURN }, ArrowUp: { pitch: -TURN }, ArrowDown: { pitch: TURN } };

function changed(view, key) {
  if (key === "+" || key === "=") return enlarged(view, 1.15);
  if (key === "-") return enlarged(view, 1 / 1.15);
  if (key === "0") return START;
  const by = KEYS[key];
  return by ? turned(view, by.yaw ?? 0, by.pitch ?? 0) : null;
}

const turned = (view, yaw, pitch) => ({ ...view, yaw: view.yaw + yaw, pitch: Math.max(-1.57, Math.min(1.57, view.pitch + pitch)) });
// Larger about a place, in parts of the canvas from its middle.
const enlarged = (view, by, [x, y] = [view.x, view.y]) => {
  const zoom = Math.max(0.1, Math.min(20, view.zoom * by)), real = zoom / view.zoom;
  return { ...view, zoom, x: x - (x - view.x) * real, y: y - (y - view.y) * real };
};
const shifted = (view, dx, dy, { clientWidth, clientHeight }) => ({ ...view, x: view.x + dx / clientWidth, y: view.y + dy / clientHeight });
const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16) || 0);

function Viewer({ mesh, colour, label, view, setView }) {
  const canvas = useRef(), frame = useRef(0), coarse = useRef(false), latest = useRef();
  latest.current = { mesh, view };
  const paint = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      const at = canvas.current;
      if (!at?.clientWidth) return;
      const ratio = Math.min(devicePixelRatio || 1, coarse.current ? 1 : 2), width = Math.round(at.clientWidth * ratio), height = Math.round(at.clientHeight * ratio);
      [at.width, at.height] = [width, height];
      const pixels = pixelsOf(latest.current.mesh, latest.current.view, width, height, rgb(colour), coarse.current);
      at.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
    });
  };
  useEffect(paint, [mesh, view, colour]);
  useEffect(() => {
    const watcher = new ResizeObserver(paint);
    watcher.observe(canvas.current);
    const wheel = (event) => {
      if (document.activeElement !== canvas.current) return; // else the page scrolls on
      event.preventDefault();
      setView((v) => enlarged(v, 1.001 ** -event.deltaY));
    };
    canvas.current.addEventListener("wheel", wheel, { passive: false });
    const stop = follow(canvas.current, {
      press: () => (coarse.current = true),
      release: () => ((coarse.current = false), paint()),
      drag: (dx, dy, event) => setView((v) => (event.shiftKey || event.buttons === 2 ? shifted(v, dx, dy, canvas.current) : turned(v, dx * 0.01, dy * 0.01))),
      pinch: (now, before) => setView((v) => {
        const { clientWidth, clientHeight } = canvas.current, middle = [now.x / clientWidth - 0.5, now.y / clientHeight - 0.5];
        return enlarged(shifted(v, now.x - before.x, now.y - before.y, canvas.current), now.far / before.far, middle);
      }),
      double: () => setView(START),
    }, { buttons: [0, 2] });
    return () => (stop(), watcher.disconnect(), cancelAnimationFrame(frame.current));
  }, []);
  const key = (event) => {
    const next = changed(view, event.key);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    setView(next);
  };
  return html`<canvas ref=${canvas} class="mesh" tabindex="0" role="img" data-keys aria-label=${label} style=${"height: 300px"}
    onKeyDown=${key} onContextMenu=${(e) => e.preventDefault()} />`;
}

function Card({ found, run }) {
  const box = useRef();
  const visible = useVisible(box);
  const entries = useMemo(() => found.step.map((step, k) => ({ step, wall: fromJson(found.wall[k]), mark: found.mark[k] })), [found]);
  const [at, setAt] = useStep(`${run.name}|${found.name}`, entries);
  const [item, setItem] = useState(0);
  const [view, setView] = useState(START);
  const question = visible && entries.length ? { run: run.name, name: found.name, mark: entries[at].mark, item } : null;
  const { value, error } = useAnswer("/api/mesh", question, { make });
  const mesh = useMemo(() => value && new Mesh(value), [value]);
  return html`<article class="card entry" ref=${box} data-tag=${found.name} data-run=${run.name} tabindex="0" aria-label=${found.name} onKeyDown=${stepKeys(at, setAt)}>
    <${CardHead} tag=${found.name} run=${run}>${view !== START && html`<button class="quiet" title="As at first (0)" onClick=${() => setView(START)}>↺</button>`}<//>
    ${error ? html`<${Problem} text=${error} />` : mesh && visible ? html`<${Viewer} mesh=${mesh} colour=${run.colour} label=${`${found.name}; arrow keys turn it`} view=${view} setView=${setView} />`
      : html`<div style="height: 300px"></div>`}
    ${mesh && html`<p class="faint n facts">${short(mesh.count)} points${mesh.faces.length ? ` · ${short(mesh.faces.length / 3)} faces` : ""}${mesh.bad ? ` · ${mesh.bad} are no numbers` : ""}
      ${mesh.batch > 1 && html` · <label>mesh <input class="item" type="number" min="1" max=${mesh.batch} value=${item + 1}
        onInput=${(e) => setItem(Math.max(0, Math.min(mesh.batch - 1, Number(e.target.value) - 1 || 0)))} /> of ${mesh.batch}</label>`}</p>`}
    <${Steps} entries=${entries} at=${at} onStep=${setAt} label=${found.name} />
  </article>`;
}

export function Meshes() {
  const { shown } = useRuns();
  const [filter, setFilter] = useUrl("tags", "");
  const version = useNews("mesh");
  const { value, error } = useAnswer("/api/meshes", shown.length ? { runs: shown.map((run) => run.name) } : null, { version, make: ask });
  const runs = new Map(shown.map((run) => [run.name, run]));
  const found = (value?.meshes ?? []).filter((mesh) => matcher(filter)(mesh.name) && runs.has(mesh.run));
  const [most, setMost] = useState(CARDS);
  const drawn = found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)).slice(0, most);
  const names = [...new Set(drawn.map((mesh) => mesh.name))];
  return html`<div class="bar"><input type="search" placeholder="Filter tags (regex)" aria-label="Filter tags" value=${filter} onInput=${(e) => setFilter(e.target.value)} />
      <span class="faint">drag or arrow keys turn, + −, the wheel or two fingers zoom, shift or two fingers move</span></div>
    ${error && html`<${Problem} text=${error} />`}
    ${board.loaded && value && !names.length && html`<p class="none">No meshes ${filter ? `match “${filter}”` : "yet: writer.add_mesh(tag, vertices, colors, faces) makes some"}.</p>`}
    <${Groups} names=${names} card=${(name) => drawn.filter((mesh) => mesh.name === name).map((mesh) => html`<${Card} key=${mesh.run + "\n" + name} found=${mesh} run=${runs.get(mesh.run)} />`)} />
    <${More} most=${most} all=${found.length} setMost=${setMost} />`;
}
