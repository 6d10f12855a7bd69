// Work that takes turns: one piece a frame, so that a page of many large charts can be used meanwhile.
import { useEffect, useState } from "./lib.js";

const waiting = new Set();
let running = false;

function next() {
  const [work] = waiting;
  running = work !== undefined;
  if (!running) return;
  waiting.delete(work);
  requestAnimationFrame(() => setTimeout(next));
  work();
}

// Does the work when it is its turn; returns what takes it back.
export function inTurn(work) {
  waiting.add(work);
  if (!running) (running = true), setTimeout(next);
  return () => waiting.delete(work);
}

// The properties `names` of `given`: as they are at once (`now`), or else as they were until the turn comes, which
// it does only while they are `wanted`.
export function useInTurn(given, names, { now, wanted }) {
  const [taken, take] = useState(given);
  const values = names.map((name) => given[name]);
  useEffect(() => {
    if (names.every((name) => taken[name] === given[name])) return;
    if (now) take(given);
    else if (wanted) return inTurn(() => take(given));
  }, [...values, now, wanted]);
  return now ? given : taken;
}
