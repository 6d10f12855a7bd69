// The views in the order of their tabs. `kinds`: what a log must hold for the tab to be there; none: always.
import { Embeddings } from "./views/embeddings.js";
import { HParams } from "./views/hparams.js";
import { Scalars } from "./views/scalars.js";
import { System } from "./views/system.js";

export const VIEWS = [
  { name: "scalars", title: "Scalars", kinds: ["scalars"], always: true, View: Scalars },
  { name: "hparams", title: "HParams", kinds: ["hparams", "scalars"], View: HParams },
  { name: "embeddings", title: "Embeddings", kinds: ["embeddings"], View: Embeddings },
  { name: "system", title: "System", kinds: [], always: true, View: System },
];
