// The views in the order of their tabs. `kinds`: what a log must hold for the tab to be there; none: always.
import { Panels } from "./views/panels.js";
import { Scalars } from "./views/scalars.js";

export const VIEWS = [
  { name: "scalars", title: "Scalars", kinds: ["scalars"], always: true, View: Scalars },
  { name: "panels", title: "Panels", kinds: [], always: true, View: Panels },
];
