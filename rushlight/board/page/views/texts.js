// Text: Markdown and tables of it, with a slider for the step.
import { Tick } from "../controls.js";
import { Problem, RunCards, StepCard, titleOf, useAnswer } from "../entries.js";
import { html } from "../lib.js";
import { Markdown } from "../markdown.js";
import { sizeText } from "../media.js";
import { useUrl } from "../state.js";

function Body({ tag, run, entry, visible, settings }) {
  const { value, error } = useAnswer("/api/text", visible ? { run: run.name, tag, mark: entry.mark } : null);
  if (error) return html`<${Problem} text=${error} />`;
  if (!value) return null;
  const show = (text) => (settings.plain ? html`<pre class="plain">${text}</pre>` : html`<${Markdown} text=${text} />`);
  const alone = value.dims === 0 || (value.rows.length === 1 && value.rows[0].length === 1);
  return html`${value.dims > 2 && html`<p class="faint">a tensor of ${value.dims} dimensions; this is its first table</p>`}
    ${alone ? show(value.rows[0]?.[0] ?? "")
      : html`<div class="scroll"><table class="cells"><tbody>${value.rows.map((row) => html`<tr>${row.map((cell) => html`<td>${show(cell)}</td>`)}</tr>`)}</tbody></table></div>`}
    ${value.cut && html`<p class="faint">cut here: ${sizeText(value.letters)} of text are too many to show</p>`}`;
}

export function Texts() {
  const [plain, setPlain] = useUrl("plain", false);
  const settings = { plain };
  const controls = html`<${Tick} label="As written" value=${plain} onInput=${setPlain} />`;
  const title = (tag) => titleOf(tag.replace(/\/text_summary$/, ""));
  return html`<${RunCards} kind="text" what="text" empty="writer.add_text(tag, text, step)" controls=${controls}
    card=${(tag, run) => html`<${StepCard} key=${tag + "\n" + run.name} kind="text" tag=${tag} title=${title(tag)} run=${run} settings=${settings} Body=${Body} wide=${true} />`} />`;
}
