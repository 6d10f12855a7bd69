// Where windows stand: a grid of columns, every window as high up as those above it let it.

export const GAP = 10, ROW = 22, COLUMNS = 12;

// items: [{key, w, h, x, y}]; those without x and y go where there is room first. The order of `y` is what
// counts. Gives {key: {x, y, w, h}} and the height, in units.
export function arranged(items, columns) {
  const tops = new Array(columns).fill(0);
  const placed = items.filter((item) => item.x !== undefined).sort((a, b) => a.y - b.y || a.x - b.x);
  const found = new Map();
  for (const item of [...placed, ...items.filter((item) => item.x === undefined)]) {
    const w = Math.max(1, Math.min(item.w, columns));
    const x = item.x === undefined ? lowest(tops, w) : Math.max(0, Math.min(item.x, columns - w));
    const y = Math.max(...tops.slice(x, x + w));
    tops.fill(y + item.h, x, x + w);
    found.set(item.key, { x, y, w, h: item.h });
  }
  return { places: found, height: Math.max(0, ...tops) };
}

function lowest(tops, w) {
  let best = 0, height = Infinity;
  for (let x = 0; x + w <= tops.length; x++) {
    const top = Math.max(...tops.slice(x, x + w));
    if (top < height) [best, height] = [x, top];
  }
  return best;
}

// The units that so many pixels take.
export function units(pixels, unit, least, most) {
  return Math.max(least, Math.min(most, Math.ceil((pixels + GAP) / (unit + GAP))));
}
