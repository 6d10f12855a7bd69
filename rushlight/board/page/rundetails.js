// What can be done to a run: another label, colour, note; hide; delete, and undo that.
import { annotate, ask, listen, useBoard } from "./board.js";
import { html, useEffect, useRef, useState } from "./lib.js";
import { clock } from "./numbers.js";
import { toast } from "./toast.js";

function said(runs, fields) {
  annotate(runs, fields).catch((error) => toast(error.message));
}

export function Details({ run, close }) {
  const first = useRef();
  useEffect(() => first.current.focus(), []);
  const keys = (event) => {
    event.stopPropagation();
    if (event.key === "Escape") close();
  };
  return html`<div class="details" onKeyDown=${keys}>
    <label class="control">Label <input type="text" maxlength="200" ref=${first} value=${run.label ?? ""} placeholder=${run.name}
      onChange=${(e) => said([run], { label: e.target.value.trim() })} /></label>
    <label class="control">Colour <input type="color" value=${run.colour} onChange=${(e) => said([run], { colour: e.target.value })} />
      ${run.ownColour && html`<button class="link" onClick=${() => said([run], { colour: "" })}>usual</button>`}</label>
    <label class="control tall">Note <textarea rows="3" maxlength="10000" value=${run.note ?? ""}
      onChange=${(e) => said([run], { note: e.target.value })}></textarea></label>
    <p class="faint">${run.name}${run.started ? html`<br />${clock(run.started)}` : ""}${run.bad ? html`<br />${run.bad} damaged records` : ""}</p>
    <div class="row"><button class="link" onClick=${() => Details.hide(run)}>${run.hidden ? "unhide" : "hide"}</button>
      <button class="link danger" onClick=${() => remove([run])}>delete</button>
      <span></span><button class="link" onClick=${close}>done</button></div>
  </div>`;
}
Details.hide = (run) => said([run], { hidden: !run.hidden });

// Moves runs into the trash; says so, and offers to undo it.
export async function remove(runs, force = false) {
  try {
    const { deleted, refused, busy } = await ask("/api/delete", { runs: runs.map((run) => run.name), force });
    if (deleted.length) {
      const what = deleted.length === 1 ? deleted[0].name : `${deleted.length} runs`;
      toast(`Deleted ${what}: moved to .trash`, { label: "Undo", act: () => restore(deleted.map(({ id }) => id)) });
    }
    const again = runs.filter((run) => busy.includes(run.name));
    if (again.length) {
      const what = again.length === 1 ? again[0].name : `${again.length} runs`;
      toast(`${what}: being written to at this moment`, { label: "Delete all the same", act: () => remove(again, true) });
    }
    const other = Object.entries(refused).find(([name]) => !busy.includes(name));
    if (other) toast(`${other[0]}: ${other[1]}`);
  } catch (error) {
    toast(error.message);
  }
}

async function restore(ids) {
  try {
    await ask("/api/restore", { ids: [...ids].reverse() });
  } catch (error) {
    toast(error.message);
  }
}

// The deleted runs, to be brought back.
export function Trash() {
  const { runs } = useBoard();
  const [open, setOpen] = useState(false);
  const [deleted, setDeleted] = useState([]);
  const load = () => ask("/api/trash").then((found) => setDeleted(found.deleted)).catch((error) => toast(error.message));
  useEffect(() => {
    if (!open) return;
    load();
    return listen((message) => message.type === "trash" && load());
  }, [open, runs]);
  return html`<details class="trash" onToggle=${(e) => setOpen(e.target.open)}><summary>Deleted runs</summary>
    ${deleted.map(({ id, name, when }) => html`<div class="line" key=${id}><span class="name" title=${clock(when)}>${name}</span>
      <button class="link" onClick=${() => restore([id])}>restore</button></div>`)}
    ${!deleted.length && html`<p class="faint">None.</p>`}
  </details>`;
}
