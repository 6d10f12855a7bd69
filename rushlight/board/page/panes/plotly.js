// Plotly, loaded when the first figure is to be drawn, and figures made fit for it and for the page's theme.
import { html, useEffect, useRef, useState } from "../lib.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const COLOURS = ["#0077bb", "#ee7733", "#009988", "#cc3311", "#8c6bb1", "#bb9500", "#ee3377", "#33a3dc", "#6a994e", "#a05d34"];

let loading = null;
function plotly() {
  loading ??= new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = "/page/vendor/plotly.min.js";
    script.onload = () => done(window.Plotly);
    script.onerror = () => {
      loading = null;
      fail(new Error("Plotly could not be loaded"));
    };
    document.head.append(script);
  });
  return loading;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const asTitle = (title, font) =>
  title === undefined || title === null ? undefined : { ...(isObject(title) ? title : { text: String(title) }), ...(font ? { font } : {}) };

// Visdom's clients write for an older Plotly: titles are texts, and some names have changed.
function trace(given) {
  const made = { ...given };
  if (made.type === "custom" || made.type === "line") made.type = "scatter";
  if (made.textposition === "right" || made.textposition === "left") made.textposition = "middle " + made.textposition;
  if (isObject(made.marker) && made.marker.symbol === "dot") made.marker = { ...made.marker, symbol: "circle" };
  if (isObject(made.line) && !made.line.color) made.line = { width: 1.8, ...made.line };
  if (/mesh3d|surface/.test(made.type) && made.colorbar === undefined) made.colorbar = { thickness: 12 };
  if (/heatmap|contour|surface/.test(made.type)) made.colorbar = { thickness: 12, outlinewidth: 0, ...made.colorbar };
  return made;
}

function axis(given, theme) {
  const { titlefont, ...made } = isObject(given) ? given : {};
  const range = Array.isArray(made.range) && made.type === "log" ? made.range.map((x) => Math.log10(x)) : made.range;
  return {
    gridcolor: theme.grid, zerolinecolor: theme.line, linecolor: theme.line, automargin: true,
    ...made, ...(range ? { range } : {}), title: asTitle(made.title, titlefont) ?? { text: "" },
  };
}

function scene(given, theme) {
  const made = { ...given };
  for (const name of ["xaxis", "yaxis", "zaxis"]) made[name] = { ...axis(made[name], theme), backgroundcolor: "rgba(0,0,0,0)" };
  return made;
}

export function figure(content, title) {
  const theme = { grid: css("--grid"), line: css("--line"), text: css("--text"), muted: css("--muted") };
  const data = (Array.isArray(content?.data) ? content.data : []).filter(isObject).map(trace);
  const given = isObject(content?.layout) ? content.layout : {};
  const layout = { ...given };
  for (const name of Object.keys(layout)) if (/^[xy]axis\d*$/.test(name)) layout[name] = axis(layout[name], theme);
  for (const name of Object.keys(layout)) if (/^scene\d*$/.test(name)) layout[name] = scene(layout[name], theme);
  layout.xaxis ??= axis({}, theme);
  layout.yaxis ??= axis({}, theme);
  const shownTitle = asTitle(layout.title, layout.titlefont);
  delete layout.titlefont;
  delete layout.template;
  const usual = [60, undefined].includes(given.margin?.l) || given.margin?.l === 0;
  return {
    data,
    layout: {
      ...layout,
      title: shownTitle && shownTitle.text !== title ? shownTitle : undefined,
      margin: usual ? { l: 46, r: 14, t: shownTitle && shownTitle.text !== title ? 40 : 12, b: 26 } : given.margin,
      width: undefined, height: undefined, autosize: true,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 11, ...given.font, color: theme.text },
      colorway: given.colorway ?? COLOURS,
      hoverlabel: { font: { family: "system-ui, sans-serif", size: 12 } },
      legend: { bgcolor: "rgba(0,0,0,0)", orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...given.legend },
    },
  };
}

const CONFIG = { displaylogo: false, responsive: false, displayModeBar: "hover", showSendToCloud: false, showEditInChartStudio: false,
  modeBarButtonsToRemove: ["sendDataToCloud", "autoScale2d"] };

// Where fingers are what people have they scroll the page until a button of the plot says what they do on it.
const byFinger = () => matchMedia("(pointer: coarse)").matches;

// Draws `content` ({data, layout}); draws again when `version` changes, but never more often than it can.
export function Figure({ content, title, version, onPoint, onRegion, dragmode }) {
  const box = useRef(), latest = useRef();
  const [problem, setProblem] = useState("");
  latest.current = { content, title, version, onPoint, onRegion };
  const state = useRef({ timer: 0, took: 0, last: 0, busy: false, gone: false, again: false });
  const draw = async () => {
    const s = state.current;
    if (s.busy) return void (s.again = true);
    s.busy = true;
    try {
      const Plotly = await plotly();
      if (s.gone) return;
      const begun = performance.now();
      const { data, layout } = figure(latest.current.content, latest.current.title);
      const first = !box.current.data;
      await Plotly.react(box.current, data, { ...layout, datarevision: String(latest.current.version), uirevision: "kept",
        ...(dragmode ? { dragmode } : byFinger() ? { dragmode: false } : {}) }, CONFIG);
      if (first && !s.gone) hooks(box.current, latest);
      s.took = performance.now() - begun;
      s.last = performance.now();
      setProblem("");
    } catch (error) {
      if (!s.gone) setProblem(String(error.message ?? error).slice(0, 200));
    } finally {
      s.busy = false;
      if (s.again && !s.gone) {
        s.again = false;
        soon();
      }
    }
  };
  const soon = () => {
    const s = state.current;
    clearTimeout(s.timer);
    s.timer = setTimeout(draw, Math.max(0, s.last + Math.max(60, 2 * s.took) - performance.now()));
  };
  useEffect(soon, [version, title]);
  useEffect(() => {
    state.current.gone = false;
    const watcher = new ResizeObserver(() => box.current?.data && window.Plotly.Plots.resize(box.current));
    watcher.observe(box.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", soon);
    addEventListener("themechange", soon);
    return () => {
      const element = box.current;
      state.current.gone = true;
      clearTimeout(state.current.timer);
      watcher.disconnect();
      scheme.removeEventListener("change", soon);
      removeEventListener("themechange", soon);
      if (element?.data) window.Plotly.purge(element);
    };
  }, []);
  return html`<div class="figure" ref=${box} aria-busy="true"></div>${problem && html`<p class="problem">Plotly: ${problem}</p>`}`;
}

function hooks(element, latest) {
  element.removeAttribute("aria-busy");
  element.on("plotly_click", (event) => latest.current.onPoint?.(event.points));
  element.on("plotly_selected", (event) => event?.points?.length && latest.current.onRegion?.(event.points));
}

export async function download(element, format, name) {
  const Plotly = await plotly();
  await Plotly.downloadImage(element, { format, filename: name.replace(/[^\w.-]+/g, "_") || "plot", scale: format === "png" ? 2 : 1 });
}
