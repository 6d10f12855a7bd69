// Cards in groups that fold, by what stands before the first slash of their names.
import { html, useState } from "./lib.js";

const groupOf = (name) => (name.includes("/") ? name.split("/")[0] : "");

function Group({ title, names, card }) {
  const [open, setOpen] = useState(true);
  return html`<section class="group">
    ${title !== "" && html`<button class="fold" aria-expanded=${open} onClick=${() => setOpen(!open)}><span class="arrow">▾</span> ${title} <span class="faint">${names.length}</span></button>`}
    ${open && html`<div class="cards">${names.map(card)}</div>`}
  </section>`;
}

export function Groups({ names, card }) {
  const groups = new Map();
  names.forEach((name) => groups.set(groupOf(name), [...(groups.get(groupOf(name)) ?? []), name]));
  return [...groups].map(([title, all]) => html`<${Group} key=${title} title=${title} names=${all} card=${card} />`);
}
