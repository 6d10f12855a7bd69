// PR curves: precision against recall, a line for each run, at a step of the slider.
import { askPacked } from "../board.js";
import { Canvas, Tip, css, frame } from "../canvas.js";
import { CardHead, Problem, RunCards, Steps, stepKeys, useAnswer, useEntries, useStep } from "../entries.js";
import { useVisible } from "../scalars/card.js";
import { html, useMemo, useRef, useState } from "../lib.js";
import { short } from "../numbers.js";
import { SaveMenu } from "../saving.js";

const ROWS = ["tp", "fp", "tn", "fn", "precision", "recall"];
const lengths = ({ lines }) => lines.flatMap(({ points }) => (points ? ROWS.map(() => points) : []));
const make = (path, question) => askPacked(path, question, lengths);
const MOST_RUNS = 1000; // that a card asks for
const AXES = [{ low: 0, high: 1, text: short }, { low: 0, high: 1.04, text: short }];

export class Curve {
  constructor(run, columns) {
    this.run = run;
    ROWS.forEach((name, k) => (this[name] = columns[k]));
    this.thresholds = this.tp.length;
    this.count = this.thresholds; // without those at the end at which nothing is called positive: no precision there
    while (this.count > 1 && !(this.tp[this.count - 1] + this.fp[this.count - 1] > 0)) this.count--;
  }
  threshold(k) {
    return this.thresholds > 1 ? k / (this.thresholds - 1) : 0;
  }
}

export function curvesOf({ head, columns }, runs) {
  let at = 0;
  return head.lines.flatMap(({ run, points }) => (points ? [new Curve(runs.find((one) => one.name === run), columns.slice(at, (at += ROWS.length)))] : []));
}

function draw(context, width, height, curves, hover) {
  const { X, Y } = frame(context, width, height, ...AXES);
  context.lineJoin = "round";
  curves.forEach((curve, c) => {
    context.beginPath();
    for (let k = 0; k < curve.count; k++) context.lineTo(X(curve.recall[k]), Y(curve.precision[k]));
    Object.assign(context, { strokeStyle: curve.run.colour, lineWidth: hover?.c === c ? 2.4 : 1.6 });
    context.stroke();
  });
  if (!hover) return;
  const curve = curves[hover.c];
  context.beginPath();
  context.arc(X(curve.recall[hover.k]), Y(curve.precision[hover.k]), 4.5, 0, 7);
  Object.assign(context, { fillStyle: curve.run.colour, strokeStyle: css("--panel"), lineWidth: 2 });
  context.fill();
  context.stroke();
}

function closest(curves, x, y, width, height) {
  let best = null, least = Infinity;
  const [w, h] = [width - 56, height - 30];
  curves.forEach((curve, c) => {
    for (let k = 0; k < curve.count; k++) {
      const far = Math.hypot(46 + curve.recall[k] * w - x, height - 22 - (curve.precision[k] / 1.04) * h - y);
      if (far < least) [least, best] = [far, { c, k, x: 46 + curve.recall[k] * w }];
    }
  });
  return best;
}

function moved(curves, hover, key) {
  const { c, k } = hover ?? { c: 0, k: 0 };
  const [dc, dk] = { ArrowLeft: [0, 1], ArrowRight: [0, -1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key] ?? [];
  if (dc === undefined || !curves.length) return null;
  const line = (c + dc + curves.length) % curves.length;
  return { c: line, k: Math.max(0, Math.min(curves[line].count - 1, k + dk)), x: 60 };
}

function Note({ curve, k, x, width }) {
  const facts = [["threshold", curve.threshold(k)], ["precision", curve.precision[k]], ["recall", curve.recall[k]], ["TP", curve.tp[k]], ["FP", curve.fp[k]], ["TN", curve.tn[k]], ["FN", curve.fn[k]]];
  return html`<${Tip} x=${x} width=${width}><b><i class="dot" style=${`background: ${curve.run.colour}`}></i> ${curve.run.name}</b>
    <table>${facts.map(([name, value]) => html`<tr><td>${name}</td><td class="n">${short(value)}</td></tr>`)}</table><//>`;
}

function rowsOf(curves) {
  const rows = curves.flatMap((curve) => Array.from(curve.tp, (_, k) => [curve.run.name, curve.threshold(k), ...ROWS.map((name) => curve[name][k])]));
  return [["run", "threshold", ...ROWS], ...rows];
}

// The entry of a run at a step: the last one up to it, else its first.
const upTo = (entries, step) => entries.findLast((entry) => entry.step <= step) ?? entries[0];

function Card({ tag, runs }) {
  const box = useRef(), width = useRef(300);
  const visible = useVisible(box);
  const { lines, error } = useEntries("pr_curves", tag, runs.map((run) => run.name), visible);
  const steps = useMemo(() => {
    const all = new Map([...lines.values()].flat().map((entry) => [entry.step, entry]));
    return [...all.values()].sort((a, b) => a.step - b.step);
  }, [lines]);
  const [at, setAt] = useStep(tag, steps);
  const [hover, setHover] = useState(null);
  const wanted = steps.length ? [...lines].map(([run, entries]) => ({ run, mark: upTo(entries, steps[at].step).mark })) : [];
  const answer = useAnswer("/api/curves", visible && wanted.length ? { tag, curves: wanted } : null, { make });
  const curves = useMemo(() => (answer.value ? curvesOf(answer.value, runs).filter((curve) => curve.run) : []), [answer.value, runs.map((run) => run.name + run.colour).join()]);
  const broken = answer.value?.head.lines.filter((line) => line.error) ?? [];
  const here = hover && curves[hover.c] && hover.k < curves[hover.c].count ? hover : null;
  const onPoint = (x, y, wide, high) => ((width.current = wide ?? width.current), setHover(x === null ? null : closest(curves, x, y, wide, high)));
  const onKey = (event) => {
    const next = moved(curves, here, event.key);
    if (next) setHover(next);
    return next !== null;
  };
  return html`<article class="card entry" ref=${box} data-tag=${tag} tabindex="0" aria-label=${tag} onKeyDown=${stepKeys(at, setAt)}>
    <${CardHead} tag=${tag}><${SaveMenu} name=${tag} draw=${(context, wide, high) => draw(context, wide, high, curves, null)} rows=${() => rowsOf(curves)} /><//>
    <div class="holder"><${Canvas} draw=${(context, wide, high) => draw(context, wide, high, curves, here)} deps=${[curves, here]} height=${280}
      label=${`Precision against recall of ${tag}`} onPoint=${onPoint} onKey=${onKey} />
      <span class="axis-name">precision ↑ · recall →</span>
      ${here && html`<${Note} curve=${curves[here.c]} k=${here.k} x=${here.x} width=${width.current} />`}</div>
    ${error || answer.error ? html`<${Problem} text=${error || answer.error} />` : broken.map((line) => html`<${Problem} text=${`${line.run}: ${line.error}`} />`)}
    <p class="of-run">${curves.slice(0, 12).map((curve) => html`<span class="key"><i class="dot" style=${`background: ${curve.run.colour}`}></i> ${curve.run.name}</span>`)}${curves.length > 12 && ` and ${curves.length - 12} more`}</p>
    <${Steps} entries=${steps} at=${at} onStep=${setAt} label=${tag} />
  </article>`;
}

export function Curves() {
  return html`<${RunCards} kind="pr_curves" what="PR curves" empty="writer.add_pr_curve(tag, labels, predictions, step)" perTag=${true}
    card=${(tag, runs) => html`<${Card} key=${tag} tag=${tag} runs=${runs.slice(0, MOST_RUNS)} />`} />`;
}
