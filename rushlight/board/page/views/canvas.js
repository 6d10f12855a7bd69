// A canvas that is as sharp as the screen, and drawn anew when its box or the theme changes.
import { html, useEffect, useLayoutEffect, useRef } from "../lib.js";

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// draw(context, width, height) in CSS pixels; once per frame at most. `often`: pixels are put in by hand. `more`: attributes of the element.
export function Canvas({ draw, label, onSize, element, often = false, ...more }) {
  const own = useRef(), latest = useRef(draw), frame = useRef(0);
  const canvas = element ?? own;
  latest.current = draw;
  const paint = () => {
    frame.current = 0;
    const node = canvas.current;
    if (!node) return;
    const { clientWidth: width, clientHeight: height } = node, ratio = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (node.width !== w || node.height !== h) [node.width, node.height] = [w, h];
    const context = node.getContext("2d", { willReadFrequently: often });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const begun = performance.now();
    latest.current(context, width, height);
    node.dataset.ms = (performance.now() - begun).toFixed(1);
  };
  const soon = () => (frame.current ||= requestAnimationFrame(paint));
  useEffect(() => {
    const node = canvas.current;
    const watcher = new ResizeObserver(() => (onSize?.(node.clientWidth, node.clientHeight), soon()));
    watcher.observe(node);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", soon);
    addEventListener("themechange", soon);
    return () => {
      watcher.disconnect();
      scheme.removeEventListener("change", soon);
      removeEventListener("themechange", soon);
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, []);
  useLayoutEffect(soon); // in the same frame, not the one after
  return html`<canvas ref=${canvas} role="img" aria-label=${label} ...${more}></canvas>`;
}
