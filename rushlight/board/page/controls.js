// Small controls, labelled and reachable by keyboard.
import { html } from "./lib.js";

export function Range({ label, value, min, max, step, onInput }) {
  return html`<label class="control">${label}
    <input type="range" min=${min} max=${max} step=${step} value=${value} onInput=${(e) => onInput(Number(e.target.value))} />
    <output>${Number(value).toFixed(2)}</output></label>`;
}

export function Select({ label, value, choices, onInput }) {
  return html`<label class="control">${label}
    <select onInput=${(e) => onInput(e.target.value)}>
      ${Object.entries(choices).map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}
    </select></label>`;
}

export function Tick({ label, value, onInput }) {
  return html`<label class="control"><input type="checkbox" checked=${value} onInput=${(e) => onInput(e.target.checked)} /> ${label}</label>`;
}
