// Colours for numbers and for categories, told apart on light and on dark.
const STOPS = [[66, 92, 204], [34, 148, 190], [58, 166, 120], [205, 160, 40], [214, 90, 38]];
const KINDS = ["#0077bb", "#ee7733", "#009988", "#cc3311", "#8c6bb1", "#bb9500", "#ee3377", "#33a3dc", "#6a994e", "#a05d34",
  "#5566cc", "#d98cb3", "#4f9d9d", "#c2703d", "#7a7fd1", "#9aa63a", "#b85c8a", "#5b8db8", "#8fae6b", "#c79a6b"];
export const MISSING = "#8a939c";

// The colour of a place in 0..1, from blue over green to red.
export function ramp(place) {
  if (place === null || !Number.isFinite(place)) return MISSING;
  const x = Math.min(Math.max(place, 0), 1) * (STOPS.length - 1), k = Math.min(Math.floor(x), STOPS.length - 2);
  const mix = STOPS[k].map((c, i) => Math.round(c + (STOPS[k + 1][i] - c) * (x - k)));
  return `rgb(${mix.join(",")})`;
}

export const BINS = 32;
export const binned = (place) => (place === null || !Number.isFinite(place) ? MISSING : ramp(Math.round(place * (BINS - 1)) / (BINS - 1)));
export const kindColour = (k) => (k < KINDS.length ? KINDS[k] : MISSING);
export const kindCount = KINDS.length;
export const gradient = `linear-gradient(to right, ${STOPS.map((c) => `rgb(${c.join(",")})`).join(", ")})`;
