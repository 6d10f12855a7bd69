// Video: films (MP4, WebM) in the browser's player; animated GIFs with a player of our own where the browser can
// take them apart, so that they can be stopped and looked at frame by frame.
import { Problem, RunCards, StepCard } from "../entries.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { Refused, addressOf, refusal, sizeText, useItems } from "../media.js";

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(await response.text());
  return response.blob();
}

// {decoder, frames}: a GIF taken apart; null until it is, or where that is impossible.
function useFrames(address, type) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    let alive = true, decoder = null;
    const load = async () => {
      decoder = new ImageDecoder({ data: await (await fetched(address)).arrayBuffer(), type });
      await decoder.tracks.ready;
      await decoder.completed;
      if (alive) setFound({ decoder, frames: decoder.tracks.selectedTrack.frameCount });
    };
    if (typeof ImageDecoder === "function") load().catch(() => alive && setFound(null));
    return () => ((alive = false), setFound(null), decoder?.close());
  }, [address]);
  return found;
}

function Frames({ found, item, label }) {
  const canvas = useRef();
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  const [slow, setSlow] = useState(1);
  useEffect(() => {
    let alive = true, timer = 0;
    const draw = async () => {
      const { image } = await found.decoder.decode({ frameIndex: at });
      if (alive && canvas.current) canvas.current.getContext("2d").drawImage(image, 0, 0);
      const pause = Math.max(20, (image.duration ?? 100_000) / 1000) * slow;
      image.close();
      if (alive && playing && found.frames > 1) timer = setTimeout(() => setAt((at + 1) % found.frames), pause);
    };
    draw().catch(() => {}); // closed meanwhile: another film is shown
    return () => ((alive = false), clearTimeout(timer));
  }, [found, at, playing, slow]);
  return html`<canvas ref=${canvas} class="film crisp" width=${item.width} height=${item.height} role="img" aria-label=${label} />
    ${found.frames > 1 && html`<div class="player" data-keys>
      <button class="quiet" title=${playing ? "Stop" : "Play"} onClick=${() => setPlaying(!playing)}>${playing ? "❚❚" : "▶"}</button>
      <input type="range" min="0" max=${found.frames - 1} value=${at} aria-label="Frame" onInput=${(e) => (setPlaying(false), setAt(Number(e.target.value)))} />
      <span class="n faint">${at + 1}/${found.frames}</span>
      <button class="quiet" title="Speed" onClick=${() => setSlow(slow === 4 ? 1 : slow * 2)}>${slow === 1 ? "1×" : `1/${slow}`}</button></div>`}`;
}

function Gif({ item, address, label }) {
  const found = useFrames(address, item.type);
  return found ? html`<${Frames} key=${address} found=${found} item=${item} label=${label} />` : html`<img class="film crisp" src=${address} alt=${label} />`;
}

function Clip({ address, label }) {
  const [source, setSource] = useState("");
  const [error, setError] = useState("");
  useEffect(() => {
    let alive = true, made = "";
    fetched(address).then((blob) => alive && setSource((made = URL.createObjectURL(blob))), (e) => alive && setError(e.message));
    return () => ((alive = false), made && URL.revokeObjectURL(made));
  }, [address]);
  if (error) return html`<${Problem} text=${error} />`;
  return source && html`<video class="film" controls loop muted playsinline src=${source} aria-label=${label} onError=${() => setError("this browser cannot play it")} />`;
}

function Body(props) {
  const { value, error } = useItems(props);
  if (error) return html`<${Problem} text=${error} />`;
  return (value?.items ?? []).map((item, k) => {
    const why = refusal(item, ["video", "image"]), address = addressOf(props, k);
    if (why) return html`<${Refused} why=${why} address=${address} item=${item} />`;
    const Player = item.type.startsWith("image") ? Gif : Clip;
    return html`<${Player} item=${item} address=${address} label=${props.tag} /><p class="faint n facts">${item.width ? `${item.width} × ${item.height} · ` : ""}${sizeText(item.bytes)}</p>`;
  });
}

export function Video() {
  return html`<${RunCards} kind="video" what="video" empty="writer.add_video(tag, frames, step)"
    card=${(tag, run) => html`<${StepCard} key=${tag + "\n" + run.name} kind="video" tag=${tag} run=${run} Body=${Body} />`} />`;
}
