// A chart as a file: PNG as it is on the screen, SVG drawn anew, both with title and legend; CSV with the points.
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
    const points = [];
    data[k + 1].forEach((y, i) => Number.isFinite(y) && points.push(point(i, k + 1)));
    const stroke = typeof one.stroke === "function" ? one.stroke() : one.stroke;
    return `<polyline fill="none" stroke="${stroke}" stroke-width="${one.width}" points="${points.join(" ")}"/>`;
  });
  const label = (axis, scale, place) =>
    (axis._splits ?? []).map((v, i) => place(plot.valToPos(v, scale), escaped(String(axis._values?.[i] ?? "")))).join("");
  const below = label(plot.axes[0], "x", (at, text) => `<text x="${left + at}" y="${top + high + 16}" text-anchor="middle">${text}</text>`);
  const beside = label(plot.axes[1], "y", (at, text) => `<text x="${left - 6}" y="${top + at + 4}" text-anchor="end">${text}</text>`);
  const rows = entries(plot), room = 20 + 16 * rows.length;
  const legend = rows.map(([label, colour], k) =>
    `<circle cx="${left + 5}" cy="${height + 30 + 16 * k}" r="4" fill="${colour}"/><text x="${left + 15}" y="${height + 34 + 16 * k}">${escaped(label)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + room + 12}" font-family="sans-serif" font-size="11" fill="#555">
<rect width="100%" height="100%" fill="#fff"/><text x="${left}" y="12" font-size="13">${escaped(title)}</text><g transform="translate(0,20)">
<rect x="${left}" y="${top}" width="${wide}" height="${high}" fill="none" stroke="#ddd"/>${below}${beside}
<svg x="${left}" y="${top}" width="${wide}" height="${high}">${lines.join("\n")}</svg></g>${legend.join("\n")}</svg>`;
}

// [label, colour] of each line that is no shadow of another.
function entries(plot) {
  const colours = plot.series.slice(1).map((one) => [one.label, typeof one.stroke === "function" ? one.stroke() : one.stroke]);
  return colours.filter(([, colour]) => colour.length <= 7);
}

// The chart's picture with its title above and its lines' names below.
export function picture(plot, title) {
  const source = plot.ctx.canvas, ratio = devicePixelRatio, rows = entries(plot);
  const canvas = Object.assign(document.createElement("canvas"), { width: source.width });
  canvas.height = source.height + (34 + 18 * rows.length) * ratio;
  const ctx = canvas.getContext("2d"), css = getComputedStyle(document.documentElement);
  ctx.fillStyle = css.getPropertyValue("--panel");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.fillStyle = css.getPropertyValue("--text");
  ctx.font = `600 ${14 * ratio}px system-ui`;
  ctx.fillText(title, 10 * ratio, 20 * ratio);
  ctx.drawImage(source, 0, 28 * ratio);
  ctx.font = `${12 * ratio}px system-ui`;
  rows.forEach(([label, colour], k) => {
    const y = source.height + (40 + 18 * k) * ratio;
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc(16 * ratio, y - 4 * ratio, 4.5 * ratio, 0, 7);
    ctx.fill();
    ctx.fillStyle = css.getPropertyValue("--text");
    ctx.fillText(label, 28 * ratio, y);
  });
  return canvas;
}

// All points as a file of the server's: by a link, or if the address were too long, by a form.
export function download(tag, runs, format) {
  const fields = [["tag", tag], ["format", format], ...runs.map((run) => ["run", run.name])];
  const form = Object.assign(document.createElement("form"), { action: "/api/download", hidden: true });
  form.method = new URLSearchParams(fields).toString().length > 6000 ? "post" : "get";
  for (const [name, value] of fields) form.append(Object.assign(document.createElement("input"), { name, value, type: "hidden" }));
  document.body.append(form);
  form.submit();
  form.remove();
}

// runs: with them CSV and JSON hold all points of the scalar, from the server; without, those of the columns.
export function ExportMenu({ name, plot, columns, runs }) {
  const [open, setOpen] = useState(false);
  const box = useRef();
  useEffect(() => {
    if (!open) return;
    const away = (event) => (event.key === "Escape" || !box.current?.contains(event.target)) && setOpen(false);
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => (removeEventListener("pointerdown", away), removeEventListener("keydown", away));
  }, [open]);
  const png = () => picture(plot.current, name).toBlob((blob) => save(name + ".png", "image/png", blob));
  const kinds = {
    PNG: png,
    SVG: () => save(name + ".svg", "image/svg+xml", svg(plot.current, name)),
    ...(runs
      ? { CSV: () => download(name, runs, "csv"), JSON: () => download(name, runs, "json") }
      : { CSV: () => save(name + ".csv", "text/csv", csv(columns)) }),
  };
  return html`<span class="menu" ref=${box}>
    <button class="quiet" title="Save as a file" aria-label="Save as a file" aria-expanded=${open} onClick=${() => setOpen(!open)}>⤓</button>
    ${open && html`<span class="choices">${Object.entries(kinds).map(([kind, make]) =>
      html`<button onClick=${() => (make(), setOpen(false))} disabled=${!plot.current}>${kind}</button>`)}</span>`}
  </span>`;
}
