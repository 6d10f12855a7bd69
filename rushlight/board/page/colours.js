// A colour for each run: the same wherever it is shown, and after a reload. Chosen to be told apart, also by
// the colour-blind, on light and on dark (Okabe & Ito's and Tableau's, evened in lightness).
const PALETTE = ["#0077bb", "#ee7733", "#009988", "#cc3311", "#8c6bb1", "#bb9500", "#ee3377", "#33a3dc", "#6a994e", "#a05d34"];
const chosen = new Map();

export function colourOf(name) {
  if (!chosen.has(name)) chosen.set(name, PALETTE[chosen.size % PALETTE.length]);
  return chosen.get(name);
}
