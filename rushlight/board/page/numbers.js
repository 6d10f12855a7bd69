// Numbers as people read them.
export function short(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "-∞";
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return x.toExponential(3).replace(/\.?0+e/, "e");
  return String(Number(x.toPrecision(5)));
}

export function duration(seconds) {
  const [d, h, m] = [86400, 3600, 60].map((unit) => Math.floor(seconds / unit));
  if (d) return `${d}d ${h % 24}h`;
  if (h) return `${h}h ${m % 60}m`;
  return m ? `${m}m ${Math.floor(seconds % 60)}s` : `${seconds.toFixed(seconds < 10 ? 1 : 0)}s`;
}

// JSON has no NaN and no infinity; the server writes null and text for them.
export const fromJson = (x) => (x === null ? NaN : typeof x === "string" ? Number(x) : x);
export const clock = (seconds) => new Date(seconds * 1000).toLocaleString();
