// The views in the order of their tabs. `kinds`: what a log must hold for the tab to be there; none: always.
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
  { name: "custom", title: "Custom scalars", kinds: ["custom_scalars"], View: Custom },
  { name: "histograms", title: "Histograms", kinds: ["histograms"], View: HistogramsView },
  { name: "images", title: "Images", kinds: ["images"], View: Images },
  { name: "video", title: "Video", kinds: ["video"], View: Video },
  { name: "audio", title: "Audio", kinds: ["audio"], View: Audio },
  { name: "text", title: "Text", kinds: ["text"], View: Texts },
  { name: "curves", title: "PR curves", kinds: ["pr_curves"], View: Curves },
  { name: "meshes", title: "Meshes", kinds: ["mesh"], View: Meshes },
  { name: "graphs", title: "Graph", kinds: ["graphs", "graph_run_metadata_graph", "graph_run_metadata", "graph_keras_model"], View: Graphs },
  { name: "profile", title: "Profile", kinds: ["profile"], View: Profile },
  { name: "hparams", title: "HParams", kinds: ["hparams", "scalars"], View: HParams },
  { name: "embeddings", title: "Embeddings", kinds: ["embeddings"], View: Embeddings },
  { name: "panels", title: "Panels", kinds: [], always: true, View: Panels },
  { name: "system", title: "System", kinds: [], always: true, View: System },
];
