// HTML from logs as nodes that can do nothing: parsed without a page, then built anew from a list of what is
// allowed. Nothing is ever made from text again, so there is nothing to smuggle through a second parse; the
// page's policy, which runs no script but ours and loads nothing from elsewhere, stands behind it.

const TAGS = new Set(`a abbr audio b blockquote br caption center cite code col colgroup dd del details dfn div dl dt
  em figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small source span strike
  strong sub summary sup table tbody td tfoot th thead time tr tt u ul var video wbr`.split(/\s+/));
const DROPPED = new Set(`script style template noscript iframe frame frameset object embed applet head title meta link base
  form input button textarea select option math svg`.split(/\s+/)); // with all that is in them
const ATTRIBUTES = new Set(`align alt border cellpadding cellspacing color colspan controls dir face height lang loop
  muted open reversed rowspan size span start title type valign width`.split(/\s+/));
const STYLES = new RegExp("^(color|background-color|border(?!-image)[a-z-]*|display|float|font[a-z-]*|(min-|max-)?(height|width)|" +
  "letter-spacing|line-height|list-style-type|(margin|padding|overflow)[a-z-]*|opacity|text-[a-z-]*|vertical-align|" +
  "white-space[a-z-]*|word-break)$");
const IMAGE = /^data:image\/(png|jpeg|gif|webp|bmp);base64,[\w+/=\s]*$/i;
const MEDIA = /^data:(audio|video)\/[\w.+-]+(;codecs=[\w.,"-]+)?;base64,[\w+/=\s]*$/i;
const LINK = /^(https?:|mailto:)/i;
const MOST_NODES = 50_000, DEEPEST = 200;

// A fragment, and the addresses (blobs of SVG images) to be revoked with it.
export function sanitised(text) {
  const parsed = new DOMParser().parseFromString(String(text), "text/html");
  const state = { nodes: 0, urls: [] };
  const fragment = document.createDocumentFragment();
  copyAll(parsed.body, fragment, state, 0);
  return { fragment, urls: state.urls };
}

function copyAll(from, to, state, depth) {
  for (const node of from.childNodes) {
    if (++state.nodes > MOST_NODES || depth > DEEPEST) return;
    if (node.nodeType === Node.TEXT_NODE) to.append(node.data);
    else if (node.nodeType === Node.ELEMENT_NODE) copy(node, to, state, depth);
  }
}

function copy(node, to, state, depth) {
  const tag = node.localName;
  if (tag === "svg") return void to.append(svgImage(new XMLSerializer().serializeToString(node), state));
  if (DROPPED.has(tag) || node.namespaceURI !== "http://www.w3.org/1999/xhtml") return;
  if (!TAGS.has(tag)) return copyAll(node, to, state, depth + 1);
  const made = document.createElement(tag);
  for (const { name, value } of node.attributes) attribute(made, tag, name, value);
  if (tag === "audio" || tag === "video") made.preload = "metadata";
  if (tag !== "img" && tag !== "source") copyAll(node, made, state, depth + 1);
  to.append(made);
}

function attribute(made, tag, name, value) {
  if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
  else if (name === "style") style(made, value);
  else if (name === "autoplay" && tag === "video") Object.assign(made, { autoplay: true, muted: true });
  else if (name === "src" && tag === "img" && IMAGE.test(value)) made.src = value;
  else if (name === "src" && /^(audio|video|source)$/.test(tag) && MEDIA.test(value)) made.src = value;
  else if (name === "href" && tag === "a" && LINK.test(value)) {
    made.href = value;
    made.target = "_blank";
    made.rel = "noopener noreferrer";
  }
}

function style(made, text) {
  const parsed = document.createElement("i").style;
  parsed.cssText = text;
  for (const name of parsed) {
    const value = parsed.getPropertyValue(name);
    if (STYLES.test(name) && !/url|image|attr|expression|var|\\/i.test(value)) made.style.setProperty(name, value);
  }
}

// An SVG as an image: a browser runs no script in one, and loads nothing for it.
export function svgImage(text, state) {
  const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  state.urls.push(url);
  const image = document.createElement("img");
  image.src = url;
  image.className = "svg";
  image.alt = "";
  return image;
}
