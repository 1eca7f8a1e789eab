// The spectrogram of what is seen. The last picture is stretched and shifted at once; the worker's sharper one follows.
import { prepare, themed } from "./canvas.js";
import { spectrogramColours } from "./colours.js";
import { spectrogram } from "./sound.js";

const MARGIN = 0.25; // share of what is seen that is computed beyond either side, for scrolling
const BANDS = 160;

export class Spectrogram {
  constructor(canvas, axis, view) {
    Object.assign(this, { canvas, axis, view, picture: null, levels: null, busy: false, again: false, on: false });
  }

  /** A new recording: nothing is known of it. `topHz` 0: no samples. */
  reset(topHz) {
    this.picture = null;
    this.on = topHz > 0;
    this.drawAxis(topHz);
    this.draw();
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    if (!this.on || !this.view.duration) return;
    if (this.picture) {
      const { start, end, image } = this.picture;
      context.imageSmoothingQuality = "high";
      context.drawImage(image, this.view.x(start), 0, (end - start) * this.view.pixelsPerSecond, height);
    }
    if (width && this.isStale(width)) this.renew(width);
  }

  isStale(width) {
    const { picture, view } = this;
    const isSharp = picture && Math.abs(picture.density / view.pixelsPerSecond - 1) < 0.02;
    return !isSharp || picture.start > view.start + 1e-6 || picture.end < view.end - 1e-6 || picture.width !== width;
  }

  async renew(width) {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    const { view } = this;
    const [seen, density, duration] = [view.end - view.start, view.pixelsPerSecond, view.duration];
    const start = Math.max(0, view.start - MARGIN * seen);
    const end = Math.min(duration, view.end + MARGIN * seen);
    const columns = Math.max(1, Math.round((end - start) * density));
    const { levels } = await spectrogram(start, end, columns, BANDS);
    this.busy = false;
    if (duration === view.duration && this.on) {
      this.levels = { levels, columns };
      this.picture = { start, end, density, width, image: this.paint() };
    }
    const isOutOfDate = this.again;
    this.again = false;
    if (isOutOfDate || duration === view.duration) this.draw();
  }

  paint() {
    const { levels, columns } = this.levels;
    const colours = new Uint32Array(spectrogramColours(themed("--scheme")).buffer);
    const image = new ImageData(columns, BANDS);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < levels.length; i++) pixels[i] = colours[levels[i]];
    const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: BANDS });
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  /** After a change of dark and light. */
  recolour() {
    if (this.picture) this.picture.image = this.paint();
    this.draw();
  }

  drawAxis(topHz) {
    const mel = (hz) => Math.log10(1 + hz / 700);
    const marks = [250, 500, 1000, 2000, 4000, 8000, 12000].filter((hz) => mel(hz) < 0.97 * mel(topHz || 1));
    this.axis.replaceChildren(
      ...marks.map((hz) => {
        const mark = document.createElement("span");
        mark.textContent = hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`;
        mark.style.bottom = `${(mel(hz) / mel(topHz)) * 100}%`;
        return mark;
      }),
    );
  }
}
