// Everything that is drawn over time: ruler, waveform, spectrogram, lanes of boxes, overview, playback position.
import { paint } from "./colours.js";
import { byId, onceAFrame } from "./dom.js";
import { Lanes } from "./lanes.js";
import { Overview } from "./overview.js";
import { drawRuler } from "./ruler.js";
import { Spectrogram } from "./spectrogram.js";
import { clock } from "./time.js";
import { View } from "./view.js";

const SILENCE = [new Float32Array(1), new Float32Array(1)]; // peaks of what cannot be decoded

export class Tracks {
  constructor() {
    Object.assign(this, { peaks: null, events: [], chosen: null });
    this.view = new View(byId("waveform"));
    this.spectrogram = new Spectrogram(byId("spectrogram"), byId("axis"), this.view);
    this.lanes = new Lanes(byId("lanes"), byId("lane-names"), this.view);
    this.overview = new Overview(byId("overview"), this.view);
    this.redraw = onceAFrame(() => this.draw());
    this.view.addEventListener("move", this.redraw);
    this.view.addEventListener("time", onceAFrame(() => this.drawPlayhead()));
    this.view.addEventListener("playing", () => this.drawPlay());
    new ResizeObserver(this.redraw).observe(byId("stage"));
  }

  /** Another recording: what plays, {peaks, duration in seconds, topHz} or without peaks where there is no picture. */
  async setSound(url, { peaks = null, duration, topHz = 0 }) {
    this.peaks = peaks;
    this.spectrogram.reset(0);
    await this.view.show(url, peaks ?? SILENCE, duration);
    this.spectrogram.reset(topHz);
    this.set(this.events, this.chosen);
  }

  /** The events to show, in order of time; the chosen one's id. */
  set(events, chosen) {
    this.events = events;
    this.chosen = chosen;
    this.lanes.set(events, chosen);
    this.overview.set(this.peaks, events);
    this.drawBand();
  }

  draw() {
    drawRuler(byId("ruler"), this.view);
    this.spectrogram.draw();
    this.lanes.draw();
    this.overview.draw();
    this.drawBand();
    this.drawPlayhead();
  }

  /** The chosen event, over waveform and spectrogram. */
  drawBand() {
    const event = this.events.find((one) => one.id === this.chosen);
    byId("band").hidden = !event;
    if (event) this.stretch(byId("band"), event.onset, event.offset, event.event_label);
  }

  /** What is being added; `onset` null: nothing any more. */
  drawDraft(onset, offset, label) {
    byId("draft").hidden = onset === null;
    if (onset !== null) this.stretch(byId("draft"), onset, offset, label);
  }

  stretch(element, onset, offset, label) {
    element.style.transform = `translateX(${this.view.x(onset)}px)`;
    element.style.width = `${Math.max(1, (offset - onset) * this.view.pixelsPerSecond)}px`;
    if (label) paint(element, label);
  }

  drawPlayhead() {
    byId("playhead").style.transform = `translateX(${this.view.x(this.view.now)}px)`;
    byId("time").textContent = clock(this.view.now, 1);
  }

  drawPlay() {
    const { isPlaying } = this.view;
    byId("play").querySelector("use").setAttribute("href", isPlaying ? "#i-pause" : "#i-play");
    byId("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
  }

  recolour() {
    this.view.recolour();
    this.spectrogram.recolour();
    this.redraw();
  }
}
