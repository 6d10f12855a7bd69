// A chart as a file: PNG as it is on the screen, SVG drawn anew, CSV with the points.
import { html, useEffect, useRef, useState } from "./lib.js";

export function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name.replace(/[^\w.-]+/g, "_") });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function csv(columns) {
  const rows = columns.flatMap(({ run, line }) =>
    Array.from(line.step, (step, i) => [quoted(run.name), step, line.wall[i], line.value[i]].join(",")),
  );
  return ["run,step,wall_time,value", ...rows].join("\n") + "\n";
}

const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

export function svg(plot, title) {
  const { width, height, bbox, data, series } = plot, ratio = devicePixelRatio;
  const [left, top, wide, high] = [bbox.left, bbox.top, bbox.width, bbox.height].map((x) => x / ratio);
  const point = (i, k) => `${plot.valToPos(data[0][i], "x").toFixed(2)},${plot.valToPos(data[k][i], "y").toFixed(2)}`;
  const lines = series.slice(1).map((one, k) => {
    const points = data[k + 1].reduce((all, y, i) => (Number.isFinite(y) ? [...all, point(i, k + 1)] : all), []);
    const stroke = typeof one.stroke === "function" ? one.stroke() : one.stroke;
    return `<polyline fill="none" stroke="${stroke}" stroke-width="${one.width}" points="${points.join(" ")}"/>`;
  });
  const label = (axis, scale, place) =>
    (axis._splits ?? []).map((v, i) => place(plot.valToPos(v, scale), escaped(String(axis._values?.[i] ?? "")))).join("");
  const below = label(plot.axes[0], "x", (at, text) => `<text x="${left + at}" y="${top + high + 16}" text-anchor="middle">${text}</text>`);
  const beside = label(plot.axes[1], "y", (at, text) => `<text x="${left - 6}" y="${top + at + 4}" text-anchor="end">${text}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + 20}" font-family="sans-serif" font-size="11" fill="#555">
<rect width="100%" height="100%" fill="#fff"/><text x="${left}" y="12" font-size="13">${escaped(title)}</text><g transform="translate(0,20)">
<rect x="${left}" y="${top}" width="${wide}" height="${high}" fill="none" stroke="#ddd"/>${below}${beside}
<svg x="${left}" y="${top}" width="${wide}" height="${high}">${lines.join("\n")}</svg></g></svg>`;
}

export function ExportMenu({ name, plot, columns }) {
  const [open, setOpen] = useState(false);
  const box = useRef();
  useEffect(() => {
    if (!open) return;
    const away = (event) => (event.key === "Escape" || !box.current?.contains(event.target)) && setOpen(false);
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => (removeEventListener("pointerdown", away), removeEventListener("keydown", away));
  }, [open]);
  const png = () => plot.current.ctx.canvas.toBlob((blob) => save(name + ".png", "image/png", blob));
  const kinds = {
    PNG: png,
    SVG: () => save(name + ".svg", "image/svg+xml", svg(plot.current, name)),
    CSV: () => save(name + ".csv", "text/csv", csv(columns)),
  };
  return html`<span class="menu" ref=${box}>
    <button class="quiet" title="Save as a file" aria-expanded=${open} onClick=${() => setOpen(!open)}>⤓</button>
    ${open && html`<span class="choices">${Object.entries(kinds).map(([kind, make]) =>
      html`<button onClick=${() => (make(), setOpen(false))} disabled=${!plot.current}>${kind}</button>`)}</span>`}
  </span>`;
}
