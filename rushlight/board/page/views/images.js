// Images: a card for each tag and run, with its steps; a click shows one large.
import { Range, Tick } from "../controls.js";
import { Problem, RunCards, StepCard } from "../entries.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { Refused, addressOf, refusal, useItems } from "../media.js";
import { useUrl } from "../state.js";

function Large({ address, item, tag, run, entry, settings, step, close }) {
  const dialog = useRef();
  const [actual, setActual] = useState(false);
  useEffect(() => dialog.current.showModal(), []);
  const press = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
    if (event.key === "Enter" && event.target === dialog.current) setActual(!actual);
    event.stopPropagation();
  };
  return html`<dialog class="large" ref=${dialog} onClose=${close} onKeyDown=${press} aria-label=${tag}
      onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <header><i class="dot" style=${`background: ${run.colour}`}></i> <b class="name">${tag}</b> <span class="name faint">${run.name}</span>
      <span class="n">step ${entry.step}</span> <span class="faint n">${item.width} × ${item.height}</span>
      <button class="quiet" title="Earlier step (←)" onClick=${() => step(-1)}>←</button>
      <button class="quiet" title="Later step (→)" onClick=${() => step(1)}>→</button>
      <button class="quiet" aria-pressed=${actual} title="Actual size" onClick=${() => setActual(!actual)}>1:1</button>
      <a class="quiet" href=${address} download title="Save">⤓</a>
      <button class="quiet" title="Close (Esc)" onClick=${() => dialog.current.close()}>✕</button></header>
    <div class=${"stage" + (actual ? " actual" : "")}><img src=${address} alt=${tag} style=${filterOf(settings)} /></div>
  </dialog>`;
}

const filterOf = ({ brightness, contrast }) => (brightness === 1 && contrast === 1 ? "" : `filter: brightness(${brightness}) contrast(${contrast})`);

export function Picture({ item, address, tag, settings, onClick }) {
  const [broken, setBroken] = useState("");
  if (broken === address) return html`<${Refused} why="the picture is damaged" address=${address} item=${item} />`;
  const crisp = item.width && item.width <= 128 ? " crisp" : "";
  const size = settings.actual ? (item.width ? `width: ${item.width}px` : "") : item.width ? `aspect-ratio: ${item.width} / ${item.height}` : "";
  return html`<button class="picture" title="Show it large" onClick=${onClick}>
    <img class=${(settings.actual ? "actual" : "fit") + crisp} src=${address} alt=${tag} style=${`${size}; ${filterOf(settings)}`} onError=${() => setBroken(address)} /></button>`;
}

function Body(props) {
  const { tag, run, entry, settings, step } = props;
  const { value, error } = useItems(props);
  const [large, setLarge] = useState(-1);
  if (error) return html`<${Problem} text=${error} />`;
  const items = value?.items ?? [];
  const open = items[large];
  return html`<div class=${"pictures" + (items.length > 1 ? " several" : "")}>${items.map((item, k) => {
      const why = refusal(item, ["image"]), address = addressOf(props, k);
      return why ? html`<${Refused} why=${why} address=${address} item=${item} />`
        : html`<${Picture} item=${item} address=${address} tag=${tag} settings=${settings} onClick=${() => setLarge(k)} />`;
    })}${value && !items.length && html`<p class="faint">no picture at this step</p>`}</div>
    ${open && !refusal(open, ["image"]) && html`<${Large} address=${addressOf(props, large)} item=${open} tag=${tag} run=${run} entry=${entry} settings=${settings}
      step=${step} close=${() => setLarge(-1)} />`}`;
}

export function Images() {
  const [brightness, setBrightness] = useUrl("brightness", 1);
  const [contrast, setContrast] = useUrl("contrast", 1);
  const [actual, setActual] = useUrl("actual", false);
  const settings = { brightness, contrast, actual };
  const changed = brightness !== 1 || contrast !== 1;
  const controls = html`
    <${Range} label="Brightness" value=${brightness} min=${0} max=${3} step=${0.05} onInput=${setBrightness} />
    <${Range} label="Contrast" value=${contrast} min=${0} max=${3} step=${0.05} onInput=${setContrast} />
    ${changed && html`<button class="link" onClick=${() => (setBrightness(1), setContrast(1))}>as they are</button>`}
    <${Tick} label="Actual size" value=${actual} onInput=${setActual} />`;
  return html`<${RunCards} kind="images" what="images" empty="writer.add_image(tag, image, step)" controls=${controls}
    card=${(tag, run) => html`<${StepCard} key=${tag + "\n" + run.name} kind="images" tag=${tag} run=${run} settings=${settings} Body=${Body} />`} />`;
}
