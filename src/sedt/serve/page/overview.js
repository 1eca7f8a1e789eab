// The whole recording in a strip: where sound is, where events are, which part is seen. Drag to scroll.
import { prepare, themed } from "./canvas.js";
import { colour } from "./colours.js";

const TICK_PIXELS = 4;

export class Overview {
  constructor(canvas, view) {
    Object.assign(this, { canvas, view, peaks: null, events: [], heights: null });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  set(peaks, events) {
    if (peaks !== this.peaks) this.heights = null;
    this.peaks = peaks;
    this.events = events;
    this.draw();
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    const { view } = this;
    if (!view.duration) return;
    this.drawWave(context, width, height - TICK_PIXELS - 2);
    for (const event of this.events) {
      context.fillStyle = colour(event.event_label);
      const x = (event.onset / view.duration) * width;
      const w = ((event.offset - event.onset) / view.duration) * width;
      context.fillRect(x, height - TICK_PIXELS, Math.max(1.5, w), TICK_PIXELS);
    }
    this.drawFrame(context, width, height);
    this.canvas.setAttribute("aria-valuenow", Math.round((100 * view.start) / view.duration));
  }

  drawWave(context, width, height) {
    if (this.heights?.length !== width) this.heights = this.measure(width);
    context.fillStyle = themed("--wave");
    this.heights.forEach((share, x) => context.fillRect(x, (1 - share) * (height / 2), 1, Math.max(1, share * height)));
  }

  measure(width) {
    const [maxima] = this.peaks ?? [new Float32Array(1)];
    const heights = new Float32Array(width);
    for (let x = 0; x < width; x++) {
      const end = Math.max(((x + 1) * maxima.length) / width, (x * maxima.length) / width + 1);
      for (let i = Math.floor((x * maxima.length) / width); i < end; i++) heights[x] = Math.max(heights[x], maxima[i] ?? 0);
    }
    const most = heights.reduce((a, b) => Math.max(a, b), 1e-6);
    return heights.map((one) => one / most);
  }

  drawFrame(context, width, height) {
    const [from, to] = [this.view.start, this.view.end].map((time) => (time / this.view.duration) * width);
    context.fillStyle = themed("--shade");
    context.fillRect(0, 0, from, height);
    context.fillRect(to, 0, width - to, height);
    context.strokeStyle = themed("--accent");
    context.lineWidth = 1.5;
    context.strokeRect(Math.max(0.75, from), 0.75, Math.max(4, Math.min(width - 0.75, to) - Math.max(0.75, from)), height - 1.5);
  }

  down(event) {
    if (!this.view.duration) return;
    this.canvas.setPointerCapture(event.pointerId);
    const go = (at) => {
      const share = (at.clientX - this.canvas.getBoundingClientRect().left) / this.canvas.clientWidth;
      this.view.scrollTo(share * this.view.duration - (this.view.end - this.view.start) / 2);
    };
    go(event);
    const stop = new AbortController();
    this.canvas.addEventListener("pointermove", go, { signal: stop.signal });
    this.canvas.addEventListener("pointerup", () => stop.abort(), { once: true });
    this.canvas.addEventListener("pointercancel", () => stop.abort(), { once: true });
  }

  key(event) {
    const seen = this.view.end - this.view.start;
    const by = { ArrowLeft: -0.1, ArrowRight: 0.1, PageUp: -1, PageDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.view.scrollTo(Math.max(0, Math.min(this.view.duration - seen, this.view.start + by * seen)));
  }
}
