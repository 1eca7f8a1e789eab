// What the microphone hears, while it listens: the last half minute as a band of levels, and the events so far.
import { prepare, themed } from "./canvas.js";
import { colour, paint, spoken } from "./colours.js";
import { byId, element, onceAFrame, tell } from "./dom.js";
import { Microphone } from "./microphone.js";
import { clock } from "./time.js";

const SEEN_S = 30;
const BOX_PIXELS = 22;
const ROWS = 3; // of boxes of events that overlap

export class Live {
  /**
   * `keep(file, heard)` gets the recording at the end, and what was heard: events, length in seconds, and whether it
   * was longer than `mostBytes()`, so that the file is its first part.
   */
  constructor(keep, mostBytes) {
    Object.assign(this, { keep, mostBytes, microphone: null, levels: [], events: [] });
    this.drawSoon = onceAFrame(() => this.draw());
    byId("microphone").onclick = () => (this.microphone ? this.microphone.stop() : this.start());
  }

  async start() {
    this.levels = [];
    this.events = [];
    byId("live-events").replaceChildren();
    const began = new Date();
    const microphone = new Microphone({
      level: (time, peak) => this.level(time, peak),
      event: (event) => this.event(event),
      full: (bytes) => tell(`From here on events are kept, and no sound: ${bytes} are full.`, "info"),
      over: (wav, error, seconds, isCut) => this.over(wav, error, seconds, isCut, began),
    }, this.mostBytes());
    this.microphone = microphone;
    this.show(true);
    try {
      await microphone.start();
    } catch (error) {
      if (microphone !== this.microphone) return; // it is over, and that was told
      microphone.media?.getTracks().forEach((track) => track.stop());
      this.microphone = null;
      this.show(false);
      const isDenied = error.name === "NotAllowedError";
      tell(isDenied ? "The browser was not allowed to use the microphone." : `No microphone: ${error.message}`);
    }
  }

  show(isOn) {
    const button = byId("microphone");
    button.setAttribute("aria-pressed", String(isOn));
    button.querySelector("use").setAttribute("href", isOn ? "#i-stop" : "#i-mic");
    button.lastElementChild.textContent = isOn ? "Stop" : "Microphone";
    byId("live").hidden = !isOn;
    document.body.classList.toggle("listening", isOn);
  }

  level(time, peak) {
    this.levels.push([time, peak]);
    while (this.levels[0][0] < time - SEEN_S) this.levels.shift();
    this.drawSoon();
  }

  event(event) {
    this.events.push({ ...event, row: this.freeRow(event) });
    const swatch = element("span", { className: "swatch" });
    paint(swatch, event.event_label);
    const times = element("span", { className: "muted number" }, `${clock(event.onset, 1)} – ${clock(event.offset, 1)}`);
    byId("live-events").prepend(element("li", {}, swatch, element("span", {}, spoken(event.event_label)), times));
    this.drawSoon();
  }

  /** The first row in which nothing overlaps the event. */
  freeRow({ onset, offset }) {
    const taken = this.events.filter((one) => one.onset < offset && one.offset > onset).map((one) => one.row);
    return [...Array(ROWS - 1).keys()].find((row) => !taken.includes(row)) ?? ROWS - 1;
  }

  draw() {
    if (!this.microphone) return;
    const { time } = this.microphone;
    byId("live-time").textContent = clock(time, 0);
    const { context, width, height } = prepare(byId("live-canvas"));
    const x = (at) => width - ((time - at) / SEEN_S) * width;
    const middle = (height - ROWS * BOX_PIXELS) / 2;
    context.fillStyle = themed("--wave");
    for (const [at, peak] of this.levels) context.fillRect(x(at), middle - peak * middle, 1.5, Math.max(1, 2 * peak * middle));
    context.font = `11px ${themed("--font")}`;
    context.textBaseline = "middle";
    const seen = this.events.filter((one) => one.offset > time - SEEN_S);
    for (const event of seen) drawBox(context, event, x(event.onset), x(event.offset), 2 * middle + event.row * BOX_PIXELS);
  }

  /** `seconds` of all that was heard. */
  over(wav, error, seconds, isCut, began) {
    this.microphone = null;
    this.show(false);
    if (error) tell(error);
    else if (isCut) tell("The sound of the first part of this long recording was kept, and all of its events.", "info");
    const twoDigits = (...parts) => parts.map((part) => String(part).padStart(2, "0"));
    const day = twoDigits(began.getFullYear(), began.getMonth() + 1, began.getDate()).join("-");
    const stamp = `${day} ${twoDigits(began.getHours(), began.getMinutes(), began.getSeconds()).join(".")}`; // local time
    const events = this.events.map(({ onset, offset, event_label, score }) => ({ onset, offset, event_label, score }));
    const file = wav && new File([wav], `microphone ${stamp}.wav`, { type: "audio/wav" });
    if (file) this.keep(file, { events, duration: seconds, isCut });
  }
}

function drawBox(context, event, from, to, top) {
  context.fillStyle = colour(event.event_label);
  context.globalAlpha = 0.3;
  context.fillRect(from, top + 2, to - from, BOX_PIXELS - 2);
  context.globalAlpha = 1;
  context.fillRect(from, top + 2, 2, BOX_PIXELS - 2);
  context.fillStyle = themed("--text");
  context.fillText(spoken(event.event_label), from + 6, top + BOX_PIXELS / 2 + 1, Math.max(1, to - from - 8));
}
