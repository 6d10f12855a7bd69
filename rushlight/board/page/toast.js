// Short messages at the foot of the page, with at most one thing to do about them.
import { html, useEffect, useState } from "./lib.js";

const SHOWN = 12_000; // ms
let all = [], number = 0, tell = () => {};

export function toast(text, action = null) {
  const id = ++number;
  all = [...all.slice(-3), { id, text, action }];
  tell();
  setTimeout(() => dismiss(id), SHOWN);
}

function dismiss(id) {
  all = all.filter((one) => one.id !== id);
  tell();
}

export function Toasts() {
  const [, again] = useState(0);
  useEffect(() => {
    tell = () => again((n) => n + 1);
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">${all.map(({ id, text, action }) => html`<div class="toast" key=${id}>
    <span>${text}</span>
    ${action && html`<button class="link" onClick=${() => (dismiss(id), action.act())}>${action.label}</button>`}
    <button class="quiet" aria-label="Dismiss" onClick=${() => dismiss(id)}>✕</button></div>`)}</div>`;
}
