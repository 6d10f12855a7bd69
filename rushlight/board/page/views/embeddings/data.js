// What the server says of embeddings, and what is made of it: colours, labels, the points a search finds.
import { ask, askPacked, matcher, useBoard } from "../../board.js";
import { useEffect, useMemo, useState } from "../../lib.js";
import { kindColour, kindCount, binned } from "../ramp.js";

// [{run, index, name}], and what was wrong with the configs of others.
export function useListing() {
  const { tags } = useBoard();
  const [found, setFound] = useState({ all: null, errors: [] });
  useEffect(() => {
    let alive = true;
    ask("/api/embeddings").then(
      (runs) => alive && setFound({
        all: runs.flatMap(({ run, embeddings }) => embeddings.map((name, index) => ({ run, index, name }))),
        errors: runs.filter((r) => r.error).map((r) => `${r.run}: ${r.error}`),
      }),
      (error) => alive && setFound({ all: [], errors: [error.message] }),
    );
    return () => (alive = false);
  }, [tags]);
  return found;
}

// {head, rows, components} of an embedding, or {error}.
export function usePoints(question) {
  const [found, setFound] = useState(null);
  const key = JSON.stringify(question);
  useEffect(() => {
    if (!question) return;
    let alive = true;
    setFound(null);
    askPacked("/api/embeddings/points", question, (head) => Array(head.components + 1).fill(head.points)).then(
      ({ head, columns: [rows, ...components] }) => alive && setFound({ head, rows, components: components.map((c) => Float32Array.from(c)) }),
      (error) => alive && setFound({ error: error.message }),
    );
    return () => (alive = false);
  }, [key]);
  return found;
}

export function useNeighbours(question, chosen, metric, count) {
  const [near, setNear] = useState(new Map());
  const key = JSON.stringify([question, chosen, metric, count]);
  useEffect(() => {
    setNear(new Map());
    if (chosen === null || !question) return;
    let alive = true;
    ask("/api/embeddings/neighbours", { ...question, point: chosen, metric, count }).then(
      ({ indices, distances }) => alive && setNear(new Map(indices.map((i, k) => [i, distances[k]]))),
      (error) => console.warn(error.message),
    );
    return () => (alive = false);
  }, [key]);
  return near;
}

export function useSprite(question, found) {
  const [image, setImage] = useState(null);
  const size = found?.head?.sprite ?? [];
  const key = JSON.stringify([question, size]);
  useEffect(() => {
    setImage(null);
    if (size.length !== 2) return;
    const loading = new Image();
    loading.onload = () => setImage(loading);
    loading.src = "/api/embeddings/sprite?" + new URLSearchParams({ run: question.run, index: question.index });
    return () => (loading.onload = null);
  }, [key]);
  return useMemo(() => image && { image, width: size[0], height: size[1], rowOf: (i) => found.rows[i] }, [image, key, found]);
}

const plainColour = "#5b8db8";

// {colours, legend: [{text, colour, count}] | {low, high}} by a metadata column; numbers get the ramp.
export function coloursOf(head, column) {
  const n = head.points, k = head.columns.indexOf(column);
  if (k < 0) return { colours: Array(n).fill(plainColour), kinds: [] };
  const texts = head.metadata.map((row) => row[k]), counts = new Map();
  texts.forEach((text) => counts.set(text, (counts.get(text) ?? 0) + 1));
  const numbers = texts.map((text) => (text.trim() === "" ? NaN : Number(text))).filter(Number.isFinite);
  if (counts.size > kindCount && numbers.length > 0.9 * n) {
    const [low, high] = numbers.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
    return { colours: texts.map((text) => binned(text.trim() === "" ? null : (Number(text) - low) / (high - low || 1))), low, high, kinds: [] };
  }
  const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a)).slice(0, kindCount);
  names.sort(new Intl.Collator(undefined, { numeric: true }).compare);
  const colour = new Map(names.map((text, at) => [text, kindColour(at)]));
  return {
    colours: texts.map((text) => colour.get(text) ?? kindColour(kindCount)),
    kinds: names.map((text) => ({ text, colour: colour.get(text), count: counts.get(text) })),
    rest: counts.size - names.length,
  };
}

// The points whose text in a column (or any) a regular expression finds; null where there is no search.
export function search(head, text, column) {
  if (!text) return null;
  const finds = matcher(text), k = head.columns.indexOf(column);
  const found = new Set();
  head.metadata.forEach((row, i) => (k < 0 ? row.some(finds) : finds(row[k])) && found.add(i));
  return found;
}
