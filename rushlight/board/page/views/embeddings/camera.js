// From the points' own places to the screen: shifted and scaled in 2D, turned as well in 3D.
export class Camera {
  constructor() {
    this.reset();
  }
  reset() {
    Object.assign(this, { zoom: 1, dx: 0, dy: 0, turn: 0.6, tilt: -0.4 });
  }
  // Places of all points: x, y in pixels, z from 0 (far) to 1 (near). `cloud`: {n, dims, axes: [Float32Array]}.
  project(cloud, width, height, out) {
    const { n, dims, axes, middle, radius } = cloud;
    const scale = (0.46 * Math.min(width, height) * this.zoom) / radius;
    const [cx, cy] = [width / 2 + this.dx, height / 2 + this.dy];
    const [ca, sa, cb, sb] = [Math.cos(this.turn), Math.sin(this.turn), Math.cos(this.tilt), Math.sin(this.tilt)];
    const [ax, ay, az] = axes;
    for (let i = 0; i < n; i++) {
      const x = ax[i] - middle[0], y = ay[i] - middle[1];
      if (dims === 2) {
        out.x[i] = cx + x * scale;
        out.y[i] = cy - y * scale;
        out.z[i] = 1;
        continue;
      }
      const z = az[i] - middle[2];
      const u = ca * x + sa * z, w = ca * z - sa * x;
      const v = cb * y - sb * w, depth = sb * y + cb * w;
      const near = 1 / (1 - (0.35 * depth) / radius); // a little perspective
      out.x[i] = cx + u * scale * near;
      out.y[i] = cy - v * scale * near;
      out.z[i] = Math.min(Math.max(0.5 + depth / (2 * radius), 0), 1);
    }
    return out;
  }
  drag(dx, dy, dims, pan) {
    if (dims === 3 && !pan) {
      this.turn += dx * 0.008;
      this.tilt = Math.min(Math.max(this.tilt - dy * 0.008, -1.57), 1.57);
    } else {
      this.dx += dx;
      this.dy += dy;
    }
  }
  // Larger about a place of the screen, which stays where it is.
  magnify(by, x, y, width, height) {
    const zoom = Math.min(Math.max(this.zoom * by, 0.2), 200), real = zoom / this.zoom;
    this.dx = x - width / 2 - (x - width / 2 - this.dx) * real;
    this.dy = y - height / 2 - (y - height / 2 - this.dy) * real;
    this.zoom = zoom;
  }
}

// {n, dims, axes, middle, radius}: a cloud's size is where 99 % of its points lie, so that one far away hides nothing.
export function cloudOf(axes, dims) {
  const n = axes[0].length, middle = [0, 0, 0];
  for (let k = 0; k < dims; k++) {
    for (const x of axes[k]) middle[k] += x / n;
  }
  const far = new Float32Array(n);
  for (let k = 0; k < dims; k++) axes[k].forEach((x, i) => (far[i] += (x - middle[k]) ** 2));
  far.sort();
  return { n, dims, axes, middle, radius: Math.sqrt(far[Math.floor((n - 1) * 0.99)]) || 1 };
}
