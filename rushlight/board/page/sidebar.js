// The runs: filtered by a regular expression, ticked, each with its colour.
import { useBoard, useRuns } from "./board.js";
import { html } from "./lib.js";
import { useUrl } from "./state.js";

const DRAWN = 300; // rows; of more runs the filter finds the rest

export function Sidebar({ close }) {
  const { runs, loaded } = useBoard();
  const [filter, setFilter] = useUrl("runs", "");
  const { listed, shown, isShown, toggle, only, all } = useRuns();
  return html`<aside class="side" aria-label="Runs">
    <div class="row"><input type="search" placeholder="Filter runs (regex)" aria-label="Filter runs" value=${filter}
      onInput=${(e) => setFilter(e.target.value)} />
      <button class="quiet phone" title="Close" onClick=${close}>✕</button></div>
    <div class="row faint"><span>${shown.length} of ${runs.length} shown</span>
      <button class="link" onClick=${all}>usual</button>
      <button class="link" onClick=${() => only(listed)}>all</button>
      <button class="link" onClick=${() => only([])}>none</button></div>
    <ul class="runs">
      ${listed.slice(0, DRAWN).map((run) => html`<li key=${run.name}>
        <label style=${`--run: ${run.colour}`}>
          <input type="checkbox" checked=${isShown(run)} onInput=${() => toggle(run)} />
          <span class="name" title=${run.name}>${run.label ?? run.name}</span></label>
        <button class="link only" title="Show this one alone" onClick=${() => only([run])}>only</button>
      </li>`)}
    </ul>
    ${listed.length > DRAWN && html`<p class="faint">and ${listed.length - DRAWN} more: filter them</p>`}
    ${loaded && !runs.length && html`<p class="faint">No runs yet. They appear here as soon as something is written.</p>`}
  </aside>`;
}
