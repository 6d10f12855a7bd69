// The page: tabs, the runs at the side, and the view that is open.
import { connect, useBoard } from "./board.js";
import { html, render, useEffect, useState } from "./lib.js";
import { Sidebar } from "./sidebar.js";
import { useUrl } from "./state.js";
import { Toasts } from "./toast.js";
import { VIEWS } from "./views.js";

function useTheme() {
  const [theme, setTheme] = useUrl("theme", "auto");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event("themechange"));
  }, [theme]);
  return [theme, setTheme];
}

// Whether keys are letters to an element; a checkbox or a slider has no use for most.
const typing = ({ tagName, type }) => /TEXTAREA|SELECT/.test(tagName) || (tagName === "INPUT" && !/checkbox|range/.test(type));

// 1..9 open the views, / goes to the first filter, t changes the theme.
function useKeys(open, nextTheme) {
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (event.key >= "1" && event.key <= "9") open(Number(event.key) - 1);
      else if (event.key === "t") nextTheme();
      else if (event.key === "/") {
        document.querySelector("main input[type=search]")?.focus();
        event.preventDefault();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

function App() {
  const { tags, connected, loaded, logdir } = useBoard();
  const [chosen, setChosen] = useUrl("view", "");
  const [side, setSide] = useState(false);
  const [theme, setTheme] = useTheme();
  const views = VIEWS.filter((view) => view.always || view.kinds.some((kind) => tags[kind]));
  const view = views.find(({ name }) => name === chosen) ?? views[0];
  const nextTheme = () => setTheme({ auto: "dark", dark: "light", light: "auto" }[theme]);
  useEffect(() => document.querySelector("nav [aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "center" }), [view.name, views.length]);
  useKeys((k) => views[k] && setChosen(views[k].name), nextTheme);
  return html`<header class="top">
      <button class="quiet phone" title="Runs" aria-label="Runs" onClick=${() => setSide(!side)}>☰</button>
      <a class="brand" href="/" title=${logdir}><img src="/page/icon.svg" alt="" width="22" height="22" /> Rushlight</a>
      <nav role="tablist">${views.map(({ name, title }) => html`<button role="tab" aria-selected=${name === view.name}
        onClick=${() => setChosen(name)}>${title}</button>`)}</nav>
      <span class="status ${connected ? "on" : "off"}" role="status">${connected ? "live" : loaded ? "reconnecting…" : "connecting…"}</span>
      <button class="quiet" title=${`Theme: ${theme} (t)`} onClick=${nextTheme}>${{ auto: "◐", dark: "●", light: "○" }[theme]}</button>
    </header>
    <div class=${"body" + (side ? " open" : "")}>
      <${Sidebar} close=${() => setSide(false)} />
      <main class=${`view-${view.style ?? view.name}`}><${view.View} key=${view.name} /></main>
    </div>
    <${Toasts} />`;
}

render(html`<${App} />`, document.getElementById("app"));
connect();
