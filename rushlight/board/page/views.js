// The views in the order of their tabs. `kinds`: what a log must hold for the tab to be there; none: always.
import { Scalars } from "./views/scalars.js";

export const VIEWS = [{ name: "scalars", title: "Scalars", kinds: ["scalars"], always: true, View: Scalars }];
