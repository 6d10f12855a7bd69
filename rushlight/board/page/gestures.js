// Pointers on an element, the same for mouse, pen and fingers: one drags, two pinch, a tap, a double tap.

const SLOP = 6; // px that a pointer may stray and still be a tap
const AGAIN = 350, NEAR = 40; // ms and px between the two taps of a double one
const LEAST = 48; // px: of two fingers that lie closer along an axis, the distance along it is noise

// Two places as what a pinch is made of: their centre, their distance, and their distance along each axis.
export function pair([ax, ay], [bx, by]) {
  const wide = Math.max(Math.abs(ax - bx), LEAST), high = Math.max(Math.abs(ay - by), LEAST);
  return { x: (ax + bx) / 2, y: (ay + by) / 2, far: Math.hypot(ax - bx, ay - by) || 1, wide, high };
}

export const isFinger = (event) => event.pointerType === "touch";

const local = (element, event) => {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

// Calls `away` when a pointer goes down outside the element, once; returns how to stop that.
export function outside(element, away) {
  const down = (event) => element.contains(event.target) || (stop(), away());
  const stop = () => removeEventListener("pointerdown", down, true);
  addEventListener("pointerdown", down, true);
  return stop;
}

class Follower {
  constructor(element, on, { fingers = false, buttons = [0] }) {
    Object.assign(this, { element, on, fingers, buttons, down: new Map(), moved: 0, last: null, doubled: false });
  }

  get two() {
    const [a, b] = [...this.down.values()];
    return b && pair(a, b);
  }

  pointerdown(event) {
    if ((this.fingers && !isFinger(event)) || !this.buttons.includes(event.button) || this.down.size === 2) return;
    if (!this.down.size) Object.assign(this, { moved: 0, pinched: false, from: local(this.element, event), isOurs: null });
    this.down.set(event.pointerId, local(this.element, event));
    if (this.down.size === 1) return void this.on.press?.(event);
    this.pinched = true;
    this.on.pinchStart?.(this.two);
  }

  pointermove(event) {
    const now = local(this.element, event), then = this.down.get(event.pointerId);
    if (!then) return void (isFinger(event) || this.fingers || this.on.hover?.(...now, event));
    const [dx, dy] = [now[0] - then[0], now[1] - then[1]];
    this.moved += Math.abs(dx) + Math.abs(dy);
    if (this.moved < SLOP) return;
    if (!this.element.hasPointerCapture(event.pointerId)) this.element.setPointerCapture(event.pointerId);
    const before = this.two;
    this.down.set(event.pointerId, now);
    if (before) return this.on.pinch?.(this.two, before);
    this.isOurs ??= !isFinger(event) || !this.scrolls() || Math.abs(now[0] - this.from[0]) > Math.abs(now[1] - this.from[1]);
    if (this.isOurs && !this.pinched) this.on.drag?.(dx, dy, event, ...now); // the finger that a pinch leaves drags nothing
  }

  // Whether a finger up or down moves the page: its first way says whose it is, as the browser decides a moment later.
  scrolls() {
    return getComputedStyle(this.element).touchAction.includes("pan-y");
  }

  pointerup(event) {
    this.release(event);
  }

  pointercancel(event) {
    this.release(event, true);
  }

  release(event, cancelled = false) {
    if (!this.down.has(event.pointerId)) return;
    const wasTwo = this.down.size === 2, place = local(this.element, event);
    this.down.delete(event.pointerId);
    if (wasTwo) this.on.pinchEnd?.(cancelled);
    if (!this.down.size) this.on.release?.(event);
    if (cancelled || this.pinched || this.moved >= SLOP || event.button > 0) return void (this.last = null);
    this.tapped(event, place);
  }

  tapped(event, [x, y]) {
    const { last } = this, isAgain = last && event.timeStamp - last.time < AGAIN && Math.hypot(x - last.x, y - last.y) < NEAR;
    this.last = isAgain ? null : { x, y, time: event.timeStamp };
    // A mouse's second click has its own event, and counts as the system says.
    if (isAgain && isFinger(event) && this.on.double && this.on.double(x, y, event) !== false) this.doubled = true;
    else this.on.tap?.(x, y, event);
  }

  pointerleave(event) {
    if (!isFinger(event)) this.on.leave?.();
  }

  dblclick(event) {
    this.on.double?.(...local(this.element, event), event);
  }

  // The end of a drag clicks on nothing.
  click(event) {
    if (this.moved < SLOP) return;
    event.stopPropagation();
    this.moved = 0;
  }

  // The browser makes no zoom of its own of two fingers: Safari heeds this, others touch-action.
  touchstart(event) {
    if (event.touches.length > 1 && event.cancelable) event.preventDefault();
  }

  touchmove(event) {
    this.touchstart(event);
  }

  // What was a double tap is no double click as well.
  touchend(event) {
    if (this.doubled && event.cancelable) event.preventDefault();
    this.doubled = false;
  }
}

// Follows pointers on the element until the function that it returns is called. Places are in CSS pixels of it. `on`,
// all optional: press(event) of the first pointer; drag(dx, dy, event, x, y); pinchStart(pair), pinch(now, before) and
// pinchEnd(cancelled); tap(x, y, event); double(x, y, event), false if it meant nothing; hover(x, y, event) and leave()
// of a mouse; release(event) of the last pointer. fingers: a mouse is somebody else's. buttons: of a mouse, that count.
export function follow(element, on, options = {}) {
  const follower = new Follower(element, on, options);
  const names = ["pointerdown", "pointermove", "pointerup", "pointercancel", "touchstart", "touchmove", "touchend"];
  if (!follower.fingers) names.push("pointerleave", "dblclick", "click");
  const listeners = names.map((name) => [name, (event) => follower[name](event), { passive: false, capture: name === "click" }]);
  listeners.forEach((listener) => element.addEventListener(...listener));
  return () => listeners.forEach((listener) => element.removeEventListener(...listener));
}
