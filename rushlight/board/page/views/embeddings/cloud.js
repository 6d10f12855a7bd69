// The cloud of points: drawn on a canvas, turned, moved, enlarged; a point under the pointer has its label, a click chooses it.
import { follow, isFinger } from "../../gestures.js";
import { html, useEffect, useMemo, useRef, useState } from "../../lib.js";
import { Canvas, css } from "../canvas.js";
import { Camera } from "./camera.js";
import { Splats } from "./splat.js";

const LABELLED = 60; // found points that get a label
const REACH = 12, FINGER = 24; // px from a point at which it is meant

// props: cloud (camera.js), colours [string], label(i), chosen, found (Set or null), near (Map of neighbours), sprite, onChoose.
export function Cloud(props) {
  const { cloud, label, chosen, found, near, onChoose } = props;
  const camera = useRef(null), element = useRef();
  camera.current ??= new Camera();
  const [, again] = useState(0);
  const [hover, setHover] = useState(null);
  const place = useMemo(() => ({ x: new Float32Array(cloud.n), y: new Float32Array(cloud.n), z: new Float32Array(cloud.n) }), [cloud.n]);
  const splats = useMemo(() => new Splats(), []);
  const order = useMemo(() => Uint32Array.from({ length: cloud.n }, (_, i) => i), [cloud.n]);
  const redraw = () => again((k) => k + 1);
  useEffect(() => camera.current.reset(), [cloud.dims]);

  const draw = (context, width, height) => {
    camera.current.project(cloud, width, height, place);
    if (cloud.dims === 3) order.sort((a, b) => place.z[a] - place.z[b]);
    drawPoints(context, width, height, { ...props, place, order, splats, zoom: camera.current.zoom });
    const marks = new Set([...(found ? [...found].slice(0, LABELLED) : []), ...near.keys(), ...[chosen, hover].filter((i) => i !== null)]);
    drawLabels(context, width, height, [...marks].filter((i) => i < cloud.n), { place, label, chosen, hover });
  };

  const pick = (x, y, reach) => {
    let best = null, least = reach * reach, nearest = -1;
    for (let i = 0; i < cloud.n; i++) {
      const far = (place.x[i] - x) ** 2 + (place.y[i] - y) ** 2;
      if (far < least - 4 || (far < least && place.z[i] > nearest)) [best, least, nearest] = [i, far, place.z[i]];
    }
    return best;
  };
  const magnify = (by, x, y) => camera.current.magnify(by, x, y, element.current.clientWidth, element.current.clientHeight);
  const hands = useRef();
  hands.current = {
    hover: (x, y) => setHover(pick(x, y, REACH)),
    leave: () => setHover(null),
    drag: (dx, dy, event) => (camera.current.drag(dx, dy, cloud.dims, event.shiftKey || event.buttons === 2), redraw()),
    pinch: (now, before) => {
      magnify(now.far / before.far, before.x, before.y);
      camera.current.drag(now.x - before.x, now.y - before.y, cloud.dims, true);
      redraw();
    },
    tap: (x, y, event) => onChoose(pick(x, y, isFinger(event) ? FINGER : REACH)),
    double: (x, y, event) => pick(x, y, isFinger(event) ? FINGER : REACH) === null && (camera.current.reset(), redraw()),
  };
  useEffect(() => {
    const wheel = (event) => {
      event.preventDefault();
      const { left, top } = node.getBoundingClientRect();
      magnify(Math.exp(-event.deltaY * 0.0015), event.clientX - left, event.clientY - top);
      redraw();
    };
    const node = element.current, names = ["hover", "leave", "drag", "pinch", "tap", "double"];
    const stop = follow(node, Object.fromEntries(names.map((name) => [name, (...all) => hands.current[name](...all)])), { buttons: [0, 2] });
    node.addEventListener("wheel", wheel, { passive: false });
    return () => (stop(), node.removeEventListener("wheel", wheel));
  }, []);
  const key = (event) => {
    const step = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] }[event.key];
    const [x, y] = [element.current.clientWidth / 2, element.current.clientHeight / 2];
    if (step) camera.current.drag(...step, cloud.dims, event.shiftKey);
    else if (event.key === "+" || event.key === "=") magnify(1.25, x, y);
    else if (event.key === "-") magnify(0.8, x, y);
    else if (event.key === "0" || event.key === "Home") camera.current.reset();
    else if (event.key === "Escape") onChoose(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
    redraw();
  };
  return html`<div class="cloud">
    <${Canvas} element=${element} often=${true} draw=${draw} label=${`${cloud.n} points in ${cloud.dims} dimensions; arrow keys turn, plus and minus enlarge`} tabindex="0"
      onContextMenu=${(e) => e.preventDefault()} onKeyDown=${key} />
    <span class="zooms"><button class="quiet" title="Larger (+)" onClick=${() => key({ key: "+", preventDefault() {}, stopPropagation() {} })}>+</button>
      <button class="quiet" title="Smaller (-)" onClick=${() => key({ key: "-", preventDefault() {}, stopPropagation() {} })}>−</button>
      <button class="quiet" title="As at first (0)" onClick=${() => key({ key: "0", preventDefault() {}, stopPropagation() {} })}>⟲</button></span>
  </div>`;
}

function drawPoints(context, width, height, { cloud, colours, chosen, found, near, sprite, place, order, splats, zoom }) {
  const base = Math.min(Math.max(170 / Math.sqrt(cloud.n), 1.8), 5) * Math.min(Math.sqrt(zoom), 2.5);
  const some = found !== null || near.size > 0 || chosen !== null;
  const isMarked = (i) => some && (i === chosen || found?.has(i) || near.has(i));
  if (sprite) return drawPictures(context, width, height, { sprite, place, order, colours, isMarked, some, size: Math.min(Math.max(4.5 * base, 9), 40) });
  const ratio = devicePixelRatio || 1, { canvas } = context;
  splats.begin(context, canvas.width, canvas.height);
  const depth = (i) => (cloud.dims === 2 ? 1 : 0.7 + 0.6 * place.z[i]);
  const add = (i, more, alpha) => splats.add(place.x[i] * ratio, place.y[i] * ratio, (base * depth(i) + more) * ratio, colours[i], alpha);
  for (const i of order) if (!isMarked(i)) add(i, 0, some ? 0.15 : 0.82);
  if (some) for (const i of order) if (isMarked(i)) add(i, 1.5, 1);
  splats.end(context);
}

function drawPictures(context, width, height, { sprite, place, order, colours, isMarked, some, size }) {
  const columns = Math.floor(sprite.image.naturalWidth / sprite.width) || 1;
  const one = (i, wide) => {
    const x = place.x[i] - wide / 2, high = (wide * sprite.height) / sprite.width, y = place.y[i] - high / 2, k = sprite.rowOf(i);
    if (x + wide < 0 || y + high < 0 || x > width || y > height) return;
    context.fillStyle = colours[i];
    context.fillRect(x - 1.5, y - 1.5, wide + 3, high + 3);
    context.drawImage(sprite.image, (k % columns) * sprite.width, Math.floor(k / columns) * sprite.height, sprite.width, sprite.height, x, y, wide, high);
  };
  context.globalAlpha = some ? 0.18 : 1;
  for (const i of order) if (!isMarked(i)) one(i, size);
  context.globalAlpha = 1;
  if (some) for (const i of order) if (isMarked(i)) one(i, size * 1.5);
}

function drawLabels(context, width, height, marks, { place, label, chosen, hover }) {
  context.font = "12px system-ui";
  context.textBaseline = "middle";
  const [text, panel] = [css("--text"), css("--panel")], taken = [];
  marks.sort((a, b) => (b === hover) - (a === hover) || (b === chosen) - (a === chosen));
  for (const i of marks) {
    const [x, y] = [place.x[i], place.y[i]], name = label(i);
    const wide = context.measureText(name).width, left = x + 9 + wide > width ? x - 9 - wide : x + 9;
    if (i !== hover && i !== chosen && taken.some(([a, b, w]) => Math.abs(b - y) < 13 && left < a + w && a < left + wide)) continue;
    taken.push([left, y, wide]);
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = panel;
    context.fillStyle = text;
    context.font = i === chosen ? "600 12px system-ui" : "12px system-ui";
    context.strokeText(name, left, y);
    context.fillText(name, left, y);
    if (i !== chosen && i !== hover) continue;
    context.lineWidth = 2;
    context.strokeStyle = text;
    context.beginPath();
    context.arc(x, y, 7, 0, 6.3);
    context.stroke();
  }
}
