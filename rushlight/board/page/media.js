// Images, sounds and films: where their bytes are, and whether they may be shown.
import { useAnswer } from "./entries.js";
import { html } from "./lib.js";

export const MOST_PIXELS = 64e6; // of a picture that is shown: a browser needs four bytes for each
export const MOST_BYTES = 256e6;

export function addressOf({ kind, run, tag, entry }, item) {
  return "/api/media?" + new URLSearchParams({ kind, run: run.name, tag, mark: entry.mark, item });
}

// The items of an entry: {value: {items}, error}.
export function useItems({ kind, run, tag, entry, visible }) {
  return useAnswer("/api/describe", visible ? { kind, run: run.name, tag, mark: entry.mark } : null);
}

export const sizeText = (bytes) => (bytes < 1e3 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

// Why an item isn't shown; empty if it can be. `kinds`: the first halves of the types that fit.
export function refusal(item, kinds) {
  if (!kinds.includes(item.type.split("/")[0])) return item.type ? `this is ${item.type}` : "its bytes are nothing that can be shown here";
  if (item.width * item.height > MOST_PIXELS) return `${item.width} × ${item.height} pixels are too many to show`;
  if (item.bytes > MOST_BYTES) return `${sizeText(item.bytes)} are too many to show`;
  return "";
}

export function Refused({ why, address, item }) {
  return html`<div class="refused"><p>${why}</p><a href=${address} download>save the ${sizeText(item.bytes)}</a></div>`;
}
