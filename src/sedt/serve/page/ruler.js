// Marks of time above the waveform. Only those that are seen are drawn: an hour costs what a second costs.
import { prepare, themed } from "./canvas.js";
import { clock, markEvery } from "./time.js";

const LEAST_PIXELS = 72;

export function drawRuler(canvas, view) {
  const { context, width, height } = prepare(canvas);
  const step = markEvery(view.pixelsPerSecond, LEAST_PIXELS);
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  context.font = `11px ${themed("--font")}`;
  context.textBaseline = "middle";
  context.fillStyle = themed("--muted");
  const minor = step / 5;
  for (let k = Math.floor(view.start / minor); k * minor <= view.end; k++) {
    const x = Math.round(view.x(k * minor));
    if (k % 5 === 0) {
      context.fillRect(x, height - 9, 1, 9);
      const text = clock(k * minor, decimals);
      if (x + 4 + context.measureText(text).width <= width) context.fillText(text, x + 4, height / 2 - 1);
    } else context.fillRect(x, height - 4, 1, 4);
  }
}
