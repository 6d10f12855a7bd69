// The lines of parallel coordinates, fast enough to follow a range that is dragged over a thousand of them.
import { css } from "../canvas.js";

// Up to so many lines are drawn as wide as is good to look at. More have one pixel of the screen: browsers draw
// such hairlines about 40 times as fast as wider ones (1,000 lines x 10 axes without a GPU: 8 ms, not 300 ms).
const WIDE = 150;

// A canvas that is drawn anew only when one of `key` is another than before, and otherwise just copied.
export class Layer {
  #canvas = document.createElement("canvas");
  #key = [];

  copy(context, key, draw) {
    const { width, height } = context.canvas, now = [...key, width, height];
    if (now.some((part, k) => part !== this.#key[k])) {
      this.#key = now;
      Object.assign(this.#canvas, { width, height }); // which clears it too
      const own = this.#canvas.getContext("2d");
      own.setTransform(context.getTransform());
      draw(own);
    }
    context.save();
    context.resetTransform();
    if (width && height) context.drawImage(this.#canvas, 0, 0);
    context.restore();
  }
}

export const layersOf = () => ({ all: new Layer(), chosen: new Layer() });

// rows' lines: `places` of each on the axes, tests[i] whether it is chosen, its colour, the number that is marked
// (-1: none). Those chosen lie over all, which are faint.
export function drawLines(context, layers, { places, tests, colours, marked, xOf, yOf, gap }) {
  const look = { xOf, yOf, thin: places.length > WIDE };
  const faint = css("--line");
  layers.all.copy(context, [places, gap, faint], (own) => stroke(own, places, faint, { ...look, width: 1, alpha: 0.5 }));
  layers.chosen.copy(context, [places, tests, colours, gap], (own) => {
    const byColour = new Map();
    places.forEach((line, i) => {
      if (!tests[i]) return;
      if (!byColour.has(colours[i])) byColour.set(colours[i], []);
      byColour.get(colours[i]).push(line);
    });
    const alpha = Math.min(1, Math.max(look.thin ? 0.45 : 0.35, 40 / places.length));
    byColour.forEach((lines, colour) => stroke(own, lines, colour, { ...look, width: 1.4, alpha }));
  });
  if (!places[marked]) return;
  stroke(context, [places[marked]], css("--panel"), { ...look, thin: false, width: 5, alpha: 1 });
  stroke(context, [places[marked]], css("--text"), { ...look, thin: false, width: 2.4, alpha: 1 });
}

// Lines of one colour are one path.
function stroke(context, lines, colour, { xOf, yOf, thin, width, alpha }) {
  const path = new Path2D();
  lines.forEach((line) => addLine(path, line, xOf, yOf));
  context.lineJoin = "round";
  context.globalAlpha = alpha;
  context.lineWidth = thin ? 1 / context.getTransform().a : width;
  context.strokeStyle = colour;
  context.stroke(path);
}

function addLine(path, line, xOf, yOf) {
  let open = false;
  line.forEach((place, k) => {
    if (place === null) return void (open = false);
    open ? path.lineTo(xOf(k), yOf(place)) : path.moveTo(xOf(k), yOf(place));
    const alone = !open && (k + 1 >= line.length || line[k + 1] === null);
    if (alone) path.arc(xOf(k), yOf(place), 2, 0, 6.3); // neither neighbour: a point
    open = true;
  });
}
