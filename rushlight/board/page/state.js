// State that lives in the address: a link to the page shows the same to somebody else.
import { useEffect, useState } from "./lib.js";

const listeners = new Set();

let parsed = new URLSearchParams(), parsedFrom = "";

// The address' parts, parsed once: dozens of components ask, and a thousand ticked runs make it long.
function read() {
  const { hash } = location;
  if (hash !== parsedFrom) [parsed, parsedFrom] = [new URLSearchParams(hash.slice(1)), hash];
  return parsed;
}

// The value under a name: of the type of `fallback`, which is what the address leaves out.
export function get(name, fallback) {
  const text = read().get(name);
  if (text === null) return fallback;
  if (typeof fallback === "number") return Number.isFinite(Number(text)) ? Number(text) : fallback;
  if (typeof fallback === "boolean") return text === "1";
  return text;
}

export function set(name, value, fallback) {
  const all = new URLSearchParams(read());
  if (value === fallback) all.delete(name);
  else all.set(name, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  const text = all.toString();
  history.replaceState(null, "", text ? "#" + text : location.pathname);
  listeners.forEach((tell) => tell());
}

addEventListener("hashchange", () => listeners.forEach((tell) => tell()));

// [value, setter], like useState.
export function useUrl(name, fallback) {
  const [value, setValue] = useState(() => get(name, fallback));
  useEffect(() => {
    const tell = () => setValue(get(name, fallback));
    listeners.add(tell);
    tell();
    return () => listeners.delete(tell);
  }, [name]);
  return [value, (next) => set(name, next, fallback)];
}
