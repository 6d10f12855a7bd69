// Plots of the same title in several environments, drawn as one.
export function compared(windows) {
  const byTitle = new Map();
  for (const each of windows) {
    const { pane } = each;
    if (pane.type !== "plot" || !pane.title || !Array.isArray(pane.content?.data)) continue;
    byTitle.set(pane.title, [...(byTitle.get(pane.title) ?? []), each]);
  }
  return [...byTitle].filter(([, all]) => new Set(all.map(({ env }) => env)).size > 1).map(([title, all]) => {
    const data = all.flatMap(({ env, pane }) => pane.content.data.map((trace) => {
      const { line, marker, ...rest } = trace; // colours of their own would hide whose they are
      return { ...rest, name: `${env} · ${trace.name ?? ""}` };
    }));
    const layout = { ...all[0].pane.content.layout, showlegend: true };
    return {
      env: all.map(({ env }) => env).join(" + "), win: title, key: `compare/${title}`, merged: true,
      version: all.map(({ version }) => version).join("."),
      pane: { ...all[0].pane, content: { data, layout } },
    };
  });
}
