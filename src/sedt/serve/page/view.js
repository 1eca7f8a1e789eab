// What stretch of the recording is seen, and where the playback is: wavesurfer.js draws the waveform, scrolls,
// zooms and plays; all other tracks ask this for times and places.
import WaveSurfer from "./vendor/wavesurfer/wavesurfer.esm.js";

const MOST_PIXELS_PER_SECOND = 2000;
const WIDEST_PIXELS = 16e6; // browsers draw no element wider than about 33 million pixels
const HEIGHT = 84;

export class View extends EventTarget {
  constructor(container) {
    super();
    this.container = container;
    this.duration = 0;
    this.width = 0;
    this.start = 0; // seconds, of what is seen
    this.pixelsPerSecond = 1;
    this.before = 0; // where the playback was told to be last
    this.wave = WaveSurfer.create({
      container,
      height: HEIGHT,
      interact: false,
      hideScrollbar: true,
      cursorWidth: 0,
      normalize: true,
      autoScroll: false, // `follow` does it
      ...waveColours(),
    });
    for (const name of ["scroll", "zoom", "redrawcomplete", "resize"]) this.wave.on(name, () => this.tell("move"));
    this.wave.on("timeupdate", () => this.follow());
    for (const name of ["play", "pause", "finish"]) this.wave.on(name, () => this.tell("playing"));
    this.wave.on("error", () => this.tell("unplayable"));
  }

  tell(name) {
    if (name === "move") this.measure();
    this.dispatchEvent(new Event(name));
  }

  /** Asked of the page once for each change: thousands of boxes that ask for themselves would halt it. */
  measure() {
    this.width = this.wave.getWidth();
    this.pixelsPerSecond = this.duration ? Math.max(this.wave.options.minPxPerSec, this.width / this.duration) : 1;
    this.start = this.wave.getScroll() / this.pixelsPerSecond;
  }

  /** Turn the page when the playback runs out of sight; not for somebody who has scrolled away from it. */
  follow() {
    const { now, before, start, end } = this;
    const ranOut = this.isPlaying && before >= start && before <= end && now > end && now < end + 1;
    this.before = now;
    if (ranOut && end < this.duration) this.scrollTo(now - 0.05 * (end - start));
    this.tell("time");
  }

  /** Show a recording; `peaks` are the worker's, `duration` is in seconds. */
  async show(url, peaks, duration) {
    this.duration = duration;
    this.wave.options.minPxPerSec = 0;
    try {
      await (duration ? this.wave.load(url, peaks, duration) : this.wave.empty());
    } catch {
      return; // another recording was chosen meanwhile, or it cannot be played: "unplayable" tells
    }
    this.tell("move");
  }

  get end() {
    return Math.min(this.duration, this.start + this.width / this.pixelsPerSecond);
  }

  get now() {
    return Math.min(this.wave.getCurrentTime(), this.duration);
  }

  get isPlaying() {
    return this.wave.isPlaying();
  }

  /** Pixels from the left of what is seen. */
  x = (time) => (time - this.start) * this.pixelsPerSecond;

  time = (x) => Math.max(0, Math.min(this.duration, this.start + x / this.pixelsPerSecond));

  scrollTo(start) {
    this.wave.setScroll(Math.max(0, start * this.pixelsPerSecond));
    this.tell("move");
  }

  /** Zoom so that what is at `x` stays there. */
  zoom(factor, x = this.width / 2) {
    if (!this.duration) return;
    const time = this.time(x);
    const least = this.width / this.duration;
    const most = Math.max(least, Math.min(MOST_PIXELS_PER_SECOND, WIDEST_PIXELS / this.duration));
    const next = Math.max(least, Math.min(most, this.pixelsPerSecond * factor));
    this.wave.zoom(next <= least ? 0 : next);
    this.measure();
    this.scrollTo(time - x / next);
  }

  fit() {
    if (this.duration) this.zoom(0);
  }

  /** Scroll, and no more than needed, so that a stretch is seen. */
  reveal(onset, offset) {
    const length = this.end - this.start;
    if (onset >= this.start && offset <= this.end) return;
    this.scrollTo(Math.max(0, offset - onset > length ? onset : (onset + offset - length) / 2));
  }

  seek(time) {
    this.wave.setTime(time);
  }

  /** Play from where the playback is, or a stretch. Nothing happens where the browser cannot play the file. */
  play(onset, offset) {
    this.wave.play(onset, offset).catch(() => {});
  }

  pause() {
    this.wave.pause();
  }

  /** After a change of dark and light. */
  recolour() {
    this.wave.setOptions(waveColours());
  }
}

function waveColours() {
  const style = getComputedStyle(document.documentElement);
  return { waveColor: style.getPropertyValue("--wave"), progressColor: style.getPropertyValue("--wave-played") };
}
