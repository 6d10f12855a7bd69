// What a chart looks at while a hand moves it: drawn at each frame, told to `onZoom` once, when the hand is off.
import { follow, outside } from "./gestures.js";

const UNI = 24; // px: a pinch that is less high leaves y alone, as a mouse's selection does
const FINEST = 1e-9; // a range no finer than this part of its numbers

// The part of a scale between two shares of its length; on a logarithmic scale of its logarithm.
function part({ min, max, distr }, from, to) {
  const [there, back] = distr === 3 ? [Math.log, Math.exp] : [(v) => v, (v) => v];
  const low = there(min), span = there(max) - low;
  return [back(low + from * span), back(low + to * span)];
}

// The shares of a length that are seen once what was at `from` is at `to` and all is `k` times as long.
const shares = (size, from, to, k) => [(from - to / k) / size, (from + (size - to) / k) / size];

const isFine = ([low, high]) => high - low > FINEST * Math.max(Math.abs(low), Math.abs(high));
const isSame = ([a, b], { min, max }) => Math.abs(a - min) + Math.abs(b - max) < 1e-3 * (max - min);

// props(): the chart's, as they are now. `x`, `y`: the ranges while a hand moves them, else null.
export class Hand {
  constructor(props) {
    Object.assign(this, { props, x: null, y: null, whole: null, frame: 0 });
  }

  // While nothing is chosen the whole of x is seen.
  scaled(u) {
    if (!this.x && !this.props().xRange?.()) this.whole = [u.scales.x.min, u.scales.x.max];
  }

  begin(u, isY = false) {
    this.before = { x: { ...u.scales.x }, y: { ...u.scales.y } };
    this.isY = isY;
  }

  show(u, x, y = null) {
    if (!isFine(x) || (y && !isFine(y))) return;
    [this.x, this.y] = [x, y];
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.x) u.setScale("x", { min: this.x[0], max: this.x[1] });
    });
  }

  shift(u, by) {
    this.show(u, part(this.before.x, ...shares(u.over.clientWidth, 0, by, 1)));
  }

  pinch(u, first, now) {
    const { clientWidth: width, clientHeight: height } = u.over;
    if (!this.isY && this.props().yZoom && Math.abs(now.high - first.high) >= UNI) {
      this.isY = true;
      Object.assign(first, { y: now.y, high: now.high }); // no jump
    }
    const x = part(this.before.x, ...shares(width, first.x, now.x, now.wide / first.wide));
    const y = this.isY ? part(this.before.y, ...shares(height, height - first.y, height - now.y, now.high / first.high)) : null;
    this.show(u, x, y);
  }

  // A range that holds the whole shows the whole.
  end(u, cancelled = false) {
    const { x, y, whole } = this, { onZoom, onReset } = this.props();
    cancelAnimationFrame(this.frame);
    [this.x, this.y, this.frame] = [null, null, 0];
    if (!x) return;
    if (cancelled) return u.setData(u.data, true);
    const isStill = isSame(x, this.before.x);
    if (!isStill && whole && x[0] <= whole[0] && x[1] >= whole[1]) onReset?.();
    else if (!isStill || y) onZoom(...(isStill ? [null, null] : x), y);
    u.setData(u.data, true);
  }
}

// With Shift a mouse's drag moves what is looked at.
export function shiftDrag(u, hand) {
  u.over.addEventListener("mousedown", (down) => {
    if (!down.shiftKey || down.button !== 0) return;
    down.stopImmediatePropagation();
    down.preventDefault();
    hand.begin(u);
    const move = (event) => hand.shift(u, event.clientX - down.clientX);
    const up = () => {
      removeEventListener("mousemove", move);
      removeEventListener("mouseup", up);
      hand.end(u);
    };
    addEventListener("mousemove", move);
    addEventListener("mouseup", up);
  }, true);
}

// One finger across moves the crosshair, which stays until another place is touched; two zoom and move.
export function touch(u, hand) {
  const clamp = (v, most) => Math.min(Math.max(v, 0), most);
  let stopAway = null, first = null;
  const hide = () => {
    stopAway?.();
    stopAway = null;
    hand.props().onTouch?.(false);
    u.setCursor({ left: -10, top: -10 }, true, true);
  };
  const point = (x, y) => {
    hand.props().onTouch?.(true);
    stopAway ??= outside(u.root, hide);
    u.setCursor({ left: clamp(x, u.over.clientWidth), top: clamp(y, u.over.clientHeight) }, true, true);
  };
  const isZoomed = Boolean(hand.props().onZoom);
  u.over.style.touchAction = isZoomed ? "pan-y" : "pan-y pinch-zoom"; // a finger up or down scrolls the page
  const stop = follow(u.over, {
    tap: point,
    drag: (dx, dy, event, x, y) => point(x, y),
    ...(isZoomed && {
      pinchStart: (now) => (hide(), (first = now), hand.begin(u, Boolean(hand.props().yZoom?.()))),
      pinch: (now) => hand.pinch(u, first, now),
      pinchEnd: (cancelled) => hand.end(u, cancelled),
      double: () => (hide(), hand.props().onReset?.()),
    }),
  }, { fingers: true });
  return () => (stop(), stopAway?.(), cancelAnimationFrame(hand.frame));
}
