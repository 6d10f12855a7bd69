// The views in the order of their tabs. `kinds`: what a log must hold for the tab to be there; none: always.
import { Graphs } from "./views/graphs.js";
import { Profile } from "./views/profile.js";
import { Scalars } from "./views/scalars.js";

export const VIEWS = [
  { name: "scalars", title: "Scalars", kinds: ["scalars"], always: true, View: Scalars },
  { name: "graphs", title: "Graph", kinds: ["graphs", "graph_run_metadata_graph", "graph_run_metadata", "graph_keras_model"], View: Graphs },
  { name: "profile", title: "Profile", kinds: ["profile"], View: Profile },
];
