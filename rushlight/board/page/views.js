// The views in the order of their tabs. `kinds`: what a log must hold for the tab to be there; none: always.
// `style`: whose stylesheet it shares; rules of a view are within `.view-<name>`, so that they style no other.
import { Audio } from "./views/audio.js";
import { Curves } from "./views/curves.js";
import { Custom } from "./views/custom.js";
import { Embeddings } from "./views/embeddings.js";
import { HistogramsView } from "./views/histograms.js";
import { HParams } from "./views/hparams.js";
import { Images } from "./views/images.js";
import { Meshes } from "./views/meshes.js";
import { Graphs } from "./views/graphs.js";
import { Profile } from "./views/profile.js";
import { Panels } from "./views/panels.js";
import { Scalars } from "./views/scalars.js";
import { System } from "./views/system.js";
import { Texts } from "./views/texts.js";
import { Video } from "./views/video.js";

export const VIEWS = [
  { name: "scalars", title: "Scalars", kinds: ["scalars"], always: true, View: Scalars },
  { name: "custom", title: "Custom scalars", style: "entries", kinds: ["custom_scalars"], View: Custom },
  { name: "histograms", title: "Histograms", style: "entries", kinds: ["histograms"], View: HistogramsView },
  { name: "images", title: "Images", style: "entries", kinds: ["images"], View: Images },
  { name: "video", title: "Video", style: "entries", kinds: ["video"], View: Video },
  { name: "audio", title: "Audio", style: "entries", kinds: ["audio"], View: Audio },
  { name: "text", title: "Text", style: "entries", kinds: ["text"], View: Texts },
  { name: "curves", title: "PR curves", style: "entries", kinds: ["pr_curves"], View: Curves },
  { name: "meshes", title: "Meshes", style: "entries", kinds: ["mesh"], View: Meshes },
  { name: "graphs", title: "Graph", kinds: ["graphs", "graph_run_metadata_graph", "graph_run_metadata", "graph_keras_model"], View: Graphs },
  { name: "profile", title: "Profile", kinds: ["profile"], View: Profile },
  { name: "hparams", title: "HParams", kinds: ["hparams", "scalars"], View: HParams },
  { name: "embeddings", title: "Embeddings", kinds: ["embeddings"], View: Embeddings },
  { name: "panels", title: "Panels", kinds: [], always: true, View: Panels },
  { name: "system", title: "System", kinds: [], always: true, View: System },
];
