// Audio: a player for each tag and run, with the wave drawn from the samples.
import { Canvas, css, mixed } from "../canvas.js";
import { Problem, RunCards, StepCard } from "../entries.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { Refused, addressOf, refusal, sizeText, useItems } from "../media.js";
import { duration } from "../numbers.js";

const PEAKS = 600;
const MOST_DRAWN = 40e6; // bytes of sound whose wave is drawn: decoded it takes several times as many

// Lowest and highest sample of each of PEAKS parts, over all channels.
export function peaksOf(sound) {
  const out = new Float32Array(2 * PEAKS);
  for (let c = 0; c < sound.numberOfChannels; c++) {
    const samples = sound.getChannelData(c), each = samples.length / PEAKS;
    for (let k = 0; k < PEAKS; k++) {
      const end = Math.max(Math.floor((k + 1) * each), Math.floor(k * each) + 1);
      for (let i = Math.floor(k * each); i < end && i < samples.length; i++) {
        if (samples[i] < out[2 * k]) out[2 * k] = samples[i];
        if (samples[i] > out[2 * k + 1]) out[2 * k + 1] = samples[i];
      }
    }
  }
  return out;
}

// The bytes at an address: {source: a blob's address, sound: decoded, or null, error}.
function useSound(address, bytes) {
  const [state, setState] = useState({ source: "", sound: null, error: "" });
  useEffect(() => {
    let alive = true, source = "";
    const load = async () => {
      const response = await fetch(address);
      if (!response.ok) throw new Error(await response.text());
      const blob = await response.blob();
      if (!alive) return;
      source = URL.createObjectURL(blob);
      setState({ source, sound: null, error: "" });
      if (bytes > MOST_DRAWN) return;
      const sound = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(await blob.arrayBuffer());
      if (alive) setState({ source, sound: { peaks: peaksOf(sound), seconds: sound.duration, channels: sound.numberOfChannels }, error: "" });
    };
    load().catch((error) => alive && setState({ source: "", sound: null, error: error.name === "EncodingError" ? "the sound cannot be decoded" : error.message }));
    return () => ((alive = false), source && URL.revokeObjectURL(source));
  }, [address]);
  return state;
}

function drawWave(context, width, height, { peaks }, colour, played) {
  const middle = height / 2, panel = css("--panel");
  for (let x = 0; x < width; x += 3) {
    const from = Math.floor((x / width) * PEAKS), to = Math.max(from + 1, Math.floor(((x + 3) / width) * PEAKS));
    let low = 0, high = 0;
    for (let k = from; k < to && k < PEAKS; k++) [low, high] = [Math.min(low, peaks[2 * k]), Math.max(high, peaks[2 * k + 1])];
    context.fillStyle = x / width < played ? colour : mixed(panel, colour, 0.45);
    context.fillRect(x, middle - high * (middle - 2), 2, Math.max(1, (high - low) * (middle - 2)));
  }
}

function Player({ item, address, run, label }) {
  const { source, sound, error } = useSound(address, item.bytes);
  const player = useRef(), at = useRef({ x: 0, width: 1 });
  const [played, setPlayed] = useState(0);
  if (error) return html`<${Problem} text=${error} /><${Refused} why="" address=${address} item=${item} />`;
  const seek = () => player.current && sound && (player.current.currentTime = (at.current.x / at.current.width) * sound.seconds);
  const draw = (context, width, height) => sound && drawWave(context, width, height, sound, run.colour, played);
  return html`<div class="sound">${item.label && html`<p class="faint">${item.label}</p>`}
    <div class="wave" onClick=${seek}><${Canvas} draw=${draw} deps=${[sound, played, run.colour]} height=${72} label=${`Wave of ${label}`}
      onPoint=${(x, y, width) => x !== null && (at.current = { x, width })} /></div>
    ${source && html`<audio ref=${player} controls preload="metadata" src=${source}
      onTimeUpdate=${(e) => setPlayed(e.target.duration ? e.target.currentTime / e.target.duration : 0)} />`}
    <p class="faint n facts">${sound ? `${duration(sound.seconds)} · ${sound.channels === 1 ? "mono" : sound.channels === 2 ? "stereo" : `${sound.channels} channels`} · ` : ""}${sizeText(item.bytes)}</p></div>`;
}

function Body(props) {
  const { value, error } = useItems(props);
  if (error) return html`<${Problem} text=${error} />`;
  const items = value?.items ?? [];
  return html`${items.map((item, k) => {
    const why = refusal(item, ["audio"]), address = addressOf(props, k);
    return why ? html`<${Refused} why=${why} address=${address} item=${item} />` : html`<${Player} item=${item} address=${address} run=${props.run} label=${props.tag} />`;
  })}${value && !items.length && html`<p class="faint">no sound at this step</p>`}`;
}

export function Audio() {
  return html`<${RunCards} kind="audio" what="audio" empty="writer.add_audio(tag, samples, step)"
    card=${(tag, run) => html`<${StepCard} key=${tag + "\n" + run.name} kind="audio" tag=${tag} run=${run} Body=${Body} />`} />`;
}
