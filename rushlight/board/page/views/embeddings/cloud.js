// The cloud of points: drawn on a canvas, turned, moved, enlarged; a point under the pointer has its label, a click chooses it.
import { html, useEffect, useMemo, useRef, useState } from "../../lib.js";
import { Canvas, css } from "../canvas.js";
import { Camera } from "./camera.js";

const LABELLED = 60; // found points that get a label

// props: cloud (camera.js), colours [string], label(i), chosen, found (Set or null), near (Map of neighbours), sprite, onChoose.
export function Cloud(props) {
  const { cloud, colours, label, chosen, found, near, sprite, onChoose } = props;
  const camera = useRef(null), element = useRef(), drag = useRef(null);
  camera.current ??= new Camera();
  const [, again] = useState(0);
  const [hover, setHover] = useState(null);
  const place = useMemo(() => ({ x: new Float32Array(cloud.n), y: new Float32Array(cloud.n), z: new Float32Array(cloud.n) }), [cloud.n]);
  const dots = useMemo(() => new Map(), []);
  const order = useMemo(() => Uint32Array.from({ length: cloud.n }, (_, i) => i), [cloud.n]);
  const redraw = () => again((k) => k + 1);
  useEffect(() => camera.current.reset(), [cloud.dims]);

  const draw = (context, width, height) => {
    camera.current.project(cloud, width, height, place);
    if (cloud.dims === 3) order.sort((a, b) => place.z[a] - place.z[b]);
    drawPoints(context, width, height, { ...props, place, order, dots, zoom: camera.current.zoom });
    const marks = new Set([...(found ? [...found].slice(0, LABELLED) : []), ...near.keys(), ...[chosen, hover].filter((i) => i !== null)]);
    drawLabels(context, width, height, [...marks].filter((i) => i < cloud.n), { place, label, chosen, hover });
  };

  const at = (event) => {
    const { left, top } = element.current.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const pick = (x, y) => {
    let best = null, least = 144, nearest = -1;
    for (let i = 0; i < cloud.n; i++) {
      const far = (place.x[i] - x) ** 2 + (place.y[i] - y) ** 2;
      if (far < least - 4 || (far < least && place.z[i] > nearest)) [best, least, nearest] = [i, far, place.z[i]];
    }
    return best;
  };
  const move = (event) => {
    const [x, y] = at(event);
    if (!drag.current) return setHover(pick(x, y));
    const d = drag.current;
    camera.current.drag(x - d.x, y - d.y, cloud.dims, event.shiftKey || d.button === 2);
    d.far += Math.abs(x - d.x) + Math.abs(y - d.y);
    [d.x, d.y] = [x, y];
    redraw();
  };
  const down = (event) => {
    const [x, y] = at(event);
    element.current.setPointerCapture(event.pointerId);
    drag.current = { x, y, far: 0, button: event.button };
  };
  const up = () => {
    if (drag.current && drag.current.far < 4) onChoose(pick(drag.current.x, drag.current.y));
    drag.current = null;
  };
  useEffect(() => {
    const wheel = (event) => {
      event.preventDefault();
      const { clientWidth, clientHeight } = element.current;
      camera.current.magnify(Math.exp(-event.deltaY * 0.0015), ...at(event), clientWidth, clientHeight);
      redraw();
    };
    element.current.addEventListener("wheel", wheel, { passive: false });
    return () => element.current?.removeEventListener("wheel", wheel);
  }, []);
  const key = (event) => {
    const step = { ArrowLeft: [-20, 0], ArrowRight: [20, 0], ArrowUp: [0, -20], ArrowDown: [0, 20] }[event.key];
    const { clientWidth: w, clientHeight: h } = element.current;
    if (step) camera.current.drag(...step, cloud.dims, event.shiftKey);
    else if (event.key === "+" || event.key === "=") camera.current.magnify(1.25, w / 2, h / 2, w, h);
    else if (event.key === "-") camera.current.magnify(0.8, w / 2, h / 2, w, h);
    else if (event.key === "0" || event.key === "Home") camera.current.reset();
    else if (event.key === "Escape") onChoose(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
    redraw();
  };
  return html`<div class="cloud">
    <${Canvas} element=${element} draw=${draw} label=${`${cloud.n} points in ${cloud.dims} dimensions; arrow keys turn, plus and minus enlarge`} tabindex="0"
      onPointerMove=${move} onPointerDown=${down} onPointerUp=${up} onPointerCancel=${() => (drag.current = null)}
      onPointerLeave=${() => setHover(null)} onContextMenu=${(e) => e.preventDefault()} onKeyDown=${key} />
    <span class="zooms"><button class="quiet" title="Larger (+)" onClick=${() => key({ key: "+", preventDefault() {}, stopPropagation() {} })}>+</button>
      <button class="quiet" title="Smaller (-)" onClick=${() => key({ key: "-", preventDefault() {}, stopPropagation() {} })}>−</button>
      <button class="quiet" title="As at first (0)" onClick=${() => key({ key: "0", preventDefault() {}, stopPropagation() {} })}>⟲</button></span>
  </div>`;
}

// A dot of a colour, painted once and copied: ten thousand copies take a few milliseconds.
function dotOf(dots, colour, radius) {
  const name = colour + radius;
  if (!dots.has(name)) {
    if (dots.size > 400) dots.clear();
    const ratio = devicePixelRatio || 1, size = Math.ceil(2 * radius + 2);
    const canvas = Object.assign(document.createElement("canvas"), { width: size * ratio, height: size * ratio });
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = colour;
    context.beginPath();
    context.arc(size / 2, size / 2, radius, 0, 6.3);
    context.fill();
    dots.set(name, { canvas, size });
  }
  return dots.get(name);
}

function drawPoints(context, width, height, { cloud, colours, chosen, found, near, sprite, place, order, dots, zoom }) {
  const base = Math.min(Math.max(170 / Math.sqrt(cloud.n), 1.8), 5) * Math.min(Math.sqrt(zoom), 2.5);
  const [small, large] = [0.75, 1.3].map((k) => Math.round(base * k * 4) / 4), normal = Math.round(base * 4) / 4;
  const tile = sprite && Math.min(Math.max(4.5 * base, 9), 40);
  const some = found !== null || near.size > 0 || chosen !== null;
  const isMarked = (i) => i === chosen || found?.has(i) || near.has(i);
  const one = (i, marked) => {
    const x = place.x[i], y = place.y[i];
    if (x < -20 || y < -20 || x > width + 20 || y > height + 20) return;
    if (sprite) {
      const k = sprite.rowOf(i), columns = Math.floor(sprite.image.naturalWidth / sprite.width) || 1;
      const size = tile * (marked ? 1.5 : 1);
      context.fillStyle = colours[i];
      context.fillRect(x - size / 2 - 1.5, y - size / 2 - 1.5, size + 3, (size * sprite.height) / sprite.width + 3);
      context.drawImage(sprite.image, (k % columns) * sprite.width, Math.floor(k / columns) * sprite.height, sprite.width, sprite.height,
        x - size / 2, y - size / 2, size, (size * sprite.height) / sprite.width);
      return;
    }
    const radius = cloud.dims === 2 ? normal : place.z[i] < 0.4 ? small : place.z[i] > 0.65 ? large : normal;
    const { canvas, size } = dotOf(dots, colours[i], marked ? radius + 1.5 : radius);
    context.drawImage(canvas, x - size / 2, y - size / 2, size, size);
  };
  context.globalAlpha = some ? 0.18 : sprite ? 1 : 0.82;
  for (const i of order) if (!some || !isMarked(i)) one(i, false);
  context.globalAlpha = 1;
  if (some) for (const i of order) if (isMarked(i)) one(i, true);
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
