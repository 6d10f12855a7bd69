// Markdown as elements: headings, lists, quotes, tables, code, links. Nothing becomes HTML that isn't made here:
// tags in the text are text, links lead to http, https and mailto alone, pictures are links. The time it takes is
// bounded for any text: searches that failed aren't repeated, nesting is cut off, long texts end as plain ones.
import { html } from "./lib.js";

const DEEPEST = 8, MOST_LINES = 5000, LABEL = 1000, ADDRESS = 2000;

export function Markdown({ text }) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const rest = lines.length > MOST_LINES ? lines.slice(MOST_LINES).join("\n") : "";
  return html`<div class="markdown">${blocks(lines.slice(0, MOST_LINES), 0)}${rest && html`<pre><code>${rest}</code></pre>`}</div>`;
}

// An address that may be linked to; null for others, such as javascript:.
export function safeAddress(text) {
  const address = text.replace(/[\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\ufeff]/g, "");
  return /^(https?:\/\/|mailto:)/i.test(address) ? address : null;
}

// -- blocks ---------------------------------------------------------------------------------------

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( {1,4}|\t|$)/;
const RULE = /^ {0,3}([-*_])([ \t]*\1){2,}[ \t]*$/;
const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const QUOTE = /^ {0,3}> ?/;
const blank = (line) => line === undefined || line.trim() === "";

const begins = (line) => FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);

function blocks(lines, depth) {
  if (depth > DEEPEST) return [html`<p>${lines.join("\n")}</p>`];
  const out = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const reader = blank(line) ? skip : FENCE.test(line) ? fenced : HEADING.test(line) ? heading : RULE.test(line) ? rule : QUOTE.test(line) ? quote
      : ITEM.test(line) ? list : isTable(lines, at) ? table : /^(\t| {4})/.test(line) ? indented : paragraph;
    const [made, next] = reader(lines, at, depth);
    if (made) out.push(made);
    at = next;
  }
  return out;
}

const skip = (lines, at) => [null, at + 1];
const rule = (lines, at) => [html`<hr />`, at + 1];

function fenced(lines, at) {
  const [, fence, language] = FENCE.exec(lines[at]);
  let end = at + 1;
  while (end < lines.length && !(lines[end].trim().startsWith(fence) && !lines[end].trim().replaceAll(fence[0], ""))) end++;
  return [html`<pre data-language=${language}><code>${lines.slice(at + 1, end).join("\n")}</code></pre>`, end + 1];
}

function indented(lines, at) {
  let end = at;
  while (end < lines.length && (blank(lines[end]) || /^(\t| {4})/.test(lines[end]))) end++;
  while (blank(lines[end - 1])) end--;
  return [html`<pre><code>${lines.slice(at, end).map((line) => line.replace(/^(\t| {4})/, "")).join("\n")}</code></pre>`, end];
}

function titled(level, text) {
  return html`<${`h${Math.min(6, level)}`}>${inline(text, 0)}<//>`;
}

function heading(lines, at) {
  const [whole, marks] = HEADING.exec(lines[at]);
  let text = lines[at].slice(whole.length).trim(), end = text.length;
  while (end > 0 && text[end - 1] === "#") end--;
  if (end < text.length && (end === 0 || text[end - 1] === " ")) text = text.slice(0, end).trim();
  return [titled(marks.length, text), at + 1];
}

function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && (QUOTE.test(lines[end]) || (!blank(lines[end]) && !begins(lines[end])))) end++;
  return [html`<blockquote>${blocks(lines.slice(at, end).map((line) => line.replace(QUOTE, "")), depth + 1)}</blockquote>`, end];
}

function list(lines, at, depth) {
  const ordered = /\d/.test(ITEM.exec(lines[at])[2]);
  const first = ordered ? parseInt(ITEM.exec(lines[at])[2], 10) : 1;
  const items = [];
  let loose = false;
  while (at < lines.length) {
    const found = ITEM.exec(lines[at]);
    if (!found || /\d/.test(found[2]) !== ordered || RULE.test(lines[at])) break;
    const [body, next] = itemLines(lines, at, found[0].length);
    loose ||= body.some((line, k) => blank(line) && k < body.length - 1);
    items.push(body);
    at = next;
  }
  const made = items.map((body) => html`<li>${body.length === 1 ? inline(body[0], 0) : tight(blocks(body, depth + 1), loose)}</li>`);
  return [ordered ? html`<ol start=${first}>${made}</ol>` : html`<ul>${made}</ul>`, at];
}

// A tight list's paragraphs are no paragraphs.
const tight = (made, loose) => (loose ? made : made.map((one) => (one.type === "p" ? one.props.children : one)));

function itemLines(lines, at, width) {
  const body = [lines[at].slice(width)];
  let end = at + 1;
  for (; end < lines.length; end++) {
    const line = lines[end], inside = /^(\t| {2,})/.test(line);
    if (blank(line) ? blank(lines[end + 1]) || !/^(\t| {2,})/.test(lines[end + 1]) : !inside && (begins(line) || blank(lines[end - 1]))) break;
    body.push(inside ? line.replace(new RegExp(`^(\\t| {1,${Math.max(2, width)}})`), "") : line);
  }
  while (end < lines.length && blank(lines[end]) && ITEM.test(lines[end + 1] ?? "")) end++;
  return [body, end];
}

// The cells of a table's row: bars part them, but not those escaped or in code.
function cells(line) {
  const text = line.trim().replace(/^\|/, "");
  const found = [""];
  let code = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "`") code = !code;
    if (text[i] === "\\" && text[i + 1] === "|") found[found.length - 1] += text[++i];
    else if (text[i] === "|" && !code) found.push("");
    else found[found.length - 1] += text[i];
  }
  if (found.length > 1 && blank(found.at(-1))) found.pop();
  return found.map((cell) => cell.trim());
}

function isTable(lines, at) {
  const next = lines[at + 1];
  if (!lines[at].includes("|") || next === undefined || !next.includes("-") || next.length > ADDRESS) return false;
  const marks = cells(next);
  return marks.every((mark) => /^:?-+:?$/.test(mark)) && marks.length === cells(lines[at]).length;
}

function table(lines, at) {
  const aligned = cells(lines[at + 1]).map((mark) => (/^:-+:$/.test(mark) ? "center" : mark.endsWith(":") ? "right" : ""));
  const style = (k) => (aligned[k] ? `text-align: ${aligned[k]}` : undefined);
  let end = at + 2;
  while (end < lines.length && !blank(lines[end]) && lines[end].includes("|")) end++;
  const row = (line) => html`<tr>${cells(line).slice(0, aligned.length).map((cell, k) => html`<td style=${style(k)}>${inline(cell, 0)}</td>`)}</tr>`;
  const made = html`<div class="scroll"><table><thead><tr>${cells(lines[at]).map((cell, k) => html`<th style=${style(k)}>${inline(cell, 0)}</th>`)}</tr></thead>
    <tbody>${lines.slice(at + 2, end).map(row)}</tbody></table></div>`;
  return [made, end];
}

function paragraph(lines, at) {
  let end = at;
  while (end < lines.length && !blank(lines[end]) && !(end > at && (begins(lines[end]) || /^ {0,3}=+\s*$/.test(lines[end])))) end++;
  const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n");
  if (/^ {0,3}=+[ \t]*$/.test(lines[end] ?? "")) return [titled(1, text), end + 1];
  if (/^ {0,3}-+[ \t]*$/.test(lines[end] ?? "")) return [titled(2, text), end + 1];
  return [html`<p>${inline(text, 0)}</p>`, end];
}

// -- inside a line --------------------------------------------------------------------------------

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const WORD = /[\p{L}\p{N}_]/u;

function inline(text, depth) {
  if (depth > DEEPEST) return [text];
  const out = [], dead = new Set(); // dead: what was looked for and isn't there any more
  let plain = "", at = 0;
  const push = (made, next) => {
    if (plain) out.push(plain);
    plain = "";
    out.push(made);
    at = next;
  };
  while (at < text.length) {
    const found = SPECIAL[text[at]]?.(text, at, dead, depth);
    if (!found) plain += text[at++];
    else if (typeof found[0] === "string") {
      plain += found[0];
      at = found[1];
    } else push(...found);
  }
  if (plain) out.push(plain);
  return out;
}

const SPECIAL = { "\\": escape, "`": code, "*": emphasis, _: emphasis, "~": struck, "[": link, "!": picture, "<": pointed, h: bare, "&": entity, "\n": newline };

function escape(text, at) {
  if (text[at + 1] === "\n") return [html`<br />`, at + 2];
  return /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "") ? [text[at + 1], at + 2] : null;
}

function runLength(text, at) {
  let end = at;
  while (text[end] === text[at]) end++;
  return end - at;
}

function code(text, at, dead) {
  const n = runLength(text, at), mark = "`".repeat(n);
  if (n > 10 || dead.has(mark)) return [mark, at + n];
  for (let end = text.indexOf(mark, at + n); end >= 0; end = text.indexOf(mark, end)) {
    const length = runLength(text, end);
    if (length === n) return [html`<code>${text.slice(at + n, end).replace(/^ (.*) $/s, "$1")}</code>`, end + n];
    end += length;
  }
  dead.add(mark);
  return [mark, at + n];
}

// Where a span that began before `from` ends; -1 if nowhere.
function closing(text, mark, from, dead) {
  if (dead.has(mark)) return -1;
  for (let end = text.indexOf(mark, from); end >= 0; end = text.indexOf(mark, end)) {
    const length = runLength(text, end);
    const outside = mark[0] !== "_" || !WORD.test(text[end + length] ?? " ");
    const fits = mark.length === 1 ? length === 1 || length === 3 : length >= mark.length;
    if (end > from && fits && !/\s/.test(text[end - 1]) && outside) return end + length - mark.length;
    end += length;
  }
  dead.add(mark);
  return -1;
}

function emphasis(text, at, dead, depth) {
  const n = runLength(text, at), size = n >= 2 ? 2 : 1, mark = text[at].repeat(size);
  const opens = !/\s/.test(text[at + n] ?? " ") && !(text[at] === "_" && WORD.test(text[at - 1] ?? " "));
  if (n > 3 || !opens) return [text.slice(at, at + n), at + n];
  const end = closing(text, mark, at + size, dead);
  if (end < 0) return [text.slice(at, at + n), at + n];
  const inner = inline(text.slice(at + size, end), depth + 1);
  return [size === 2 ? html`<strong>${inner}</strong>` : html`<em>${inner}</em>`, end + size];
}

function struck(text, at, dead, depth) {
  if (runLength(text, at) !== 2) return null;
  const end = closing(text, "~~", at + 2, dead);
  return end < 0 ? null : [html`<del>${inline(text.slice(at + 2, end), depth + 1)}</del>`, end + 2];
}

function anchor(address, inner) {
  return html`<a href=${address} target="_blank" rel="noopener noreferrer nofollow">${inner}</a>`;
}

// Where the parenthesis that is open at the start closes; -1 if nowhere.
function closingParen(text) {
  let open = 1;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") open++;
    if (text[i] === ")" && --open === 0) return i;
  }
  return -1;
}

// [label, address, where it ends] of "[label](address "title")".
function linkParts(text, at) {
  const label = text.slice(at + 1, at + LABEL).indexOf("](");
  if (label < 0) return null;
  const begin = at + label + 3;
  const end = closingParen(text.slice(begin, begin + ADDRESS));
  if (end < 0) return null;
  const address = text.slice(begin, begin + end).trim().split(/\s/)[0].replace(/^<|>$/g, "");
  return [text.slice(at + 1, at + label + 1), address, begin + end + 1];
}

function link(text, at, dead, depth) {
  const parts = dead.has("](") ? null : linkParts(text, at);
  if (!parts) {
    if (text.indexOf("](", at) < 0) dead.add("](");
    return null;
  }
  const [label, address, end] = parts, safe = safeAddress(address);
  const inner = inline(label, depth + 1);
  return [safe ? anchor(safe, inner) : html`<span class="no-link" title="this link is not followed">${inner}</span>`, end];
}

function picture(text, at) {
  if (text[at + 1] !== "[") return null;
  const parts = linkParts(text, at + 1);
  if (!parts) return null;
  const safe = safeAddress(parts[1]), label = `🖼 ${parts[0] || "picture"}`;
  return [safe ? anchor(safe, label) : html`<span class="no-link">${label}</span>`, parts[2]];
}

function pointed(text, at) {
  const end = text.slice(at, at + ADDRESS).indexOf(">");
  if (end < 0) return null;
  const inner = text.slice(at + 1, at + end);
  if (/^br\s?\/?$/i.test(inner)) return [html`<br />`, at + end + 1];
  return safeAddress(inner) && !/\s/.test(inner) ? [anchor(safeAddress(inner), inner), at + end + 1] : null;
}

function bare(text, at) {
  if (!text.startsWith("http://", at) && !text.startsWith("https://", at)) return null;
  if (WORD.test(text[at - 1] ?? " ")) return null;
  const found = /^[^\s<>"'`]+/.exec(text.slice(at, at + ADDRESS))[0].replace(/[.,;:!?)\]*_]{1,9}$/, "");
  return [anchor(found, found), at + found.length];
}

function entity(text, at) {
  const found = /^&(?:(amp|lt|gt|quot|apos|nbsp)|#(\d{1,7}));/.exec(text.slice(at, at + 12));
  if (!found) return null;
  const number = Number(found[2] ?? 0);
  if (!found[1] && !(number > 31 && number < 0x110000)) return null;
  return [found[1] ? ENTITIES[found[1]] : String.fromCodePoint(number), at + found[0].length];
}

function newline(text, at) {
  const hard = text[at - 1] === " " && text[at - 2] === " ";
  return hard ? [html`<br />`, at + 1] : null;
}
