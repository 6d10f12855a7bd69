// The lines of a tag: asked for, then kept up to date by what the server sends.
import { askPacked, watch } from "../board.js";
import { useEffect, useMemo, useRef, useState } from "../lib.js";
import { Line } from "../lines.js";
import { fromJson } from "../numbers.js";
import { inTurn } from "../turns.js";

export const MANY = 20; // runs: cards of more are drawn one by one, not all in one frame

// Points of a line that a card asks for; zooming in asks again for the part. Of many lines each gets fewer.
const POINTS = 1200, FEWEST = 100, ALL = 150_000;
const pointsOf = (runs) => Math.max(FEWEST, Math.min(POINTS, Math.floor(ALL / runs)));
const COLUMNS = 5; // step, wall, value, weight, mean

function lineOf({ run, count, first, odd }, columns) {
  const marks = odd && { step: odd[0], wall: odd[1].map(fromJson), value: odd[2].map(fromJson) };
  return Object.assign(new Line(run, ...columns, fromJson(first), marks), { count });
}

// How many points there are, by run: of some that came just before a chart watched, or while it waited for an answer,
// the answer may know nothing.
class Missed {
  #counts = new Map();

  add({ run, count }) {
    this.#counts.set(run, count);
  }

  // Whether lines have fewer points than was told. What was told is then forgotten.
  take(lines) {
    const found = [...this.#counts].some(([run, count]) => (lines.get(run)?.count ?? 0) < count);
    this.#counts.clear();
    return found;
  }
}

// span: null, or {axis: "step" | "wall" | "relative", range: [from, to]} in steps or seconds.
export function useLines(tag, runs, span, visible) {
  const lines = useRef(new Map()), last = useRef({ asked: 0, shown: 0, about: "" });
  const [version, setVersion] = useState(0);
  const names = useMemo(() => runs.map((run) => run.name), [runs]);
  const namesKey = useMemo(() => names.join("\n"), [names]);
  const key = JSON.stringify(span) + namesKey;
  useEffect(() => {
    if (!visible || !names.length) return;
    // An answer to an earlier question is shown until a later one comes, if it is about the same part.
    const about = JSON.stringify([tag, span]);
    const points = pointsOf(names.length);
    const missed = new Missed();
    let timer = 0, frame = 0, asking = 0, isOver = false, leave = () => {};
    const drawn = () => ((frame = 0), setVersion((v) => v + 1));
    const draw = () => {
      if (names.length > MANY) leave = inTurn(drawn);
      else frame ||= requestAnimationFrame(drawn);
    };
    const fetchAll = async () => {
      timer = 0;
      const number = ++last.current.asked;
      asking += 1;
      last.current.about = about;
      const question = { tag, runs: names, points, smoothing: true, ...(span ?? {}) };
      const lengths = (head) => head.lines.flatMap((line) => Array(COLUMNS).fill(line.points));
      try {
        const { head, columns } = await askPacked("/api/scalars", question, lengths);
        if (last.current.about !== about || number < last.current.shown) return;
        last.current.shown = number;
        lines.current = new Map(
          head.lines.map((one, k) => [one.run, lineOf(one, columns.slice(COLUMNS * k, COLUMNS * (k + 1)))]),
        );
        draw();
      } catch (error) {
        console.warn(error.message);
        if (error instanceof TypeError) later(1000); // no answer at all
      } finally {
        asking -= 1;
      }
      if (!asking && missed.take(lines.current)) later(50);
    };
    const later = (ms) => isOver || (timer ||= setTimeout(fetchAll, ms)); // not put off by what comes meanwhile
    const wanted = new Set(names);
    const stop = watch(tag, (message) => {
      if (message.type === "reload") return later(50);
      if (!wanted.has(message.run)) return;
      if (message.count !== undefined) return void (missed.add(message), asking || (missed.take(lines.current) && later(50)));
      const line = lines.current.get(message.run);
      if (message.type === "stale" || !line || span || line.step.length > 6 * points) return later(150);
      line.append(message);
      line.count += message.step.length;
      if (asking) missed.add(line); // the answer may be older
      draw();
    });
    fetchAll();
    return () => {
      isOver = true;
      clearTimeout(timer);
      leave();
      stop();
    };
  }, [tag, key, visible]);
  return [lines.current, version];
}
