// Triangles and points drawn by hand, with a depth for every pixel: no graphics card is needed, and there may be
// as many on a page as one likes (browsers give out few WebGL contexts).

export class Mesh {
  constructor({ head, columns: [vertices, faces, colours] }) {
    Object.assign(this, head, { vertices, faces, colours: colours.length ? colours : null });
    this.count = vertices.length / 3;
    this.measure();
  }
  // Its middle and radius, from the corners that are numbers.
  measure() {
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    for (let i = 0; i < this.vertices.length; i++) {
      const x = this.vertices[i];
      if (Number.isFinite(x)) [low[i % 3], high[i % 3]] = [Math.min(low[i % 3], x), Math.max(high[i % 3], x)];
    }
    this.middle = low.map((x, k) => (Number.isFinite(x) ? x / 2 + high[k] / 2 : 0));
    const { vertices, middle } = this;
    let most = 0;
    for (let i = 0; i < vertices.length; i += 3) {
      const far = Math.hypot(vertices[i] - middle[0], vertices[i + 1] - middle[1], vertices[i + 2] - middle[2]);
      if (far > most && Number.isFinite(far)) most = far;
    }
    this.radius = most || 1;
  }
}

export const START = { yaw: 0.6, pitch: 0.35, zoom: 1, x: 0, y: 0 };
const FAR = 3.2; // the eye's distance, in radii
const BACK = 1 / (FAR + 1), FRONT = 1 / (FAR - 1); // depths of the farthest and the nearest point

// Screen x, y and depth of every corner: depth is larger the nearer.
function projected(mesh, view, width, height) {
  const { vertices, middle, radius, count } = mesh;
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
  const scale = Math.min(width, height) * 0.46 * view.zoom * FAR * 0.95;
  const out = { x: new Float32Array(count), y: new Float32Array(count), z: new Float32Array(count) };
  for (let i = 0; i < count; i++) {
    const a = (vertices[3 * i] - middle[0]) / radius, b = (vertices[3 * i + 1] - middle[1]) / radius, c = (vertices[3 * i + 2] - middle[2]) / radius;
    const x = a * cy + c * sy, z = c * cy - a * sy;
    const y = b * cp - z * sp, depth = z * cp + b * sp;
    const size = scale / (FAR - depth);
    out.x[i] = width / 2 + view.x * width + x * size;
    out.y[i] = height / 2 + view.y * height - y * size;
    out.z[i] = 1 / (FAR - depth);
  }
  return out;
}

class Surface {
  constructor(width, height) {
    Object.assign(this, { width, height, pixels: new Uint32Array(width * height), depth: new Float32Array(width * height) });
  }
  set(at, z, r, g, b) {
    this.depth[at] = z;
    this.pixels[at] = 0xff000000 | (b << 16) | (g << 8) | r;
  }
}

const edge = (ax, ay, bx, by, px, py) => (bx - ax) * (py - ay) - (by - ay) * (px - ax);

function triangle(surface, { x, y, z }, i, j, k, colourOf) {
  const area = edge(x[i], y[i], x[j], y[j], x[k], y[k]);
  if (!area) return; // NaN goes on, and is stopped by the bounds below
  const left = Math.max(0, Math.floor(Math.min(x[i], x[j], x[k]))), right = Math.min(surface.width - 1, Math.ceil(Math.max(x[i], x[j], x[k])));
  const top = Math.max(0, Math.floor(Math.min(y[i], y[j], y[k]))), bottom = Math.min(surface.height - 1, Math.ceil(Math.max(y[i], y[j], y[k])));
  for (let py = top; py <= bottom; py++) {
    for (let px = left; px <= right; px++) {
      const a = edge(x[j], y[j], x[k], y[k], px + 0.5, py + 0.5) / area;
      const b = edge(x[k], y[k], x[i], y[i], px + 0.5, py + 0.5) / area;
      const c = 1 - a - b;
      if (!(a >= 0 && b >= 0 && c >= 0)) continue;
      const depth = a * z[i] + b * z[j] + c * z[k], at = py * surface.width + px;
      if (depth > surface.depth[at]) surface.set(at, depth, ...colourOf(a, b, c));
    }
  }
}

// How much of the light a face gives back: from the eye, a little from above.
function light({ vertices }, view, i, j, k) {
  const at = (v, n) => vertices[3 * v + n];
  const u = [0, 1, 2].map((n) => at(j, n) - at(i, n)), v = [0, 1, 2].map((n) => at(k, n) - at(i, n));
  const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const size = Math.hypot(...n) || 1;
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
  const z = n[2] * cy - n[0] * sy;
  const facing = (z * cp + n[1] * sp) / size, up = (n[1] * cp - z * sp) / size;
  const side = facing < 0 ? -1 : 1; // both sides are lit
  return Math.min(1, 0.28 + 0.62 * Math.abs(facing) + 0.18 * Math.max(0, up * side));
}

function drawFaces(surface, mesh, screen, view, plain) {
  const { faces, colours } = mesh;
  for (let f = 0; f < faces.length; f += 3) {
    const [i, j, k] = [faces[f], faces[f + 1], faces[f + 2]], shade = light(mesh, view, i, j, k);
    const part = (n, a, b, c) => (colours ? a * colours[3 * i + n] + b * colours[3 * j + n] + c * colours[3 * k + n] : plain[n]) * shade;
    triangle(surface, screen, i, j, k, (a, b, c) => [part(0, a, b, c), part(1, a, b, c), part(2, a, b, c)]);
  }
}

function drawPoints(surface, mesh, { x, y, z }, plain, size, every) {
  const { colours, count } = mesh;
  for (let i = 0; i < count; i += every) {
    const shade = Math.min(1, Math.max(0.5, 0.6 + 0.45 * (z[i] - BACK) / (FRONT - BACK)));
    const rgb = [0, 1, 2].map((n) => (colours ? colours[3 * i + n] : plain[n]) * shade);
    const left = Math.round(x[i] - size / 2), top = Math.round(y[i] - size / 2);
    for (let py = top; py < top + size; py++) {
      for (let px = left; px < left + size; px++) {
        if (!(px >= 0 && py >= 0 && px < surface.width && py < surface.height)) continue;
        const at = py * surface.width + px;
        if (z[i] > surface.depth[at]) surface.set(at, z[i], ...rgb);
      }
    }
  }
}

// Pixels (RGBA, one number each) of a mesh, or of its points if it has no faces. plain: [r, g, b] where it has no
// colours. coarse: only as much as can be drawn while it is turned.
export function drawn(mesh, view, width, height, plain, coarse = false) {
  const surface = new Surface(width, height);
  const screen = projected(mesh, view, width, height);
  const points = !mesh.faces.length || (coarse && mesh.faces.length > 600_000);
  if (points) drawPoints(surface, mesh, screen, plain, mesh.count > 20_000 ? 2 : 4, coarse ? Math.ceil(mesh.count / 200_000) : 1);
  else drawFaces(surface, mesh, screen, view, plain);
  return surface.pixels;
}
