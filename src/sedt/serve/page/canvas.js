// Canvases as sharp as the screen.

/** Fit the bitmap to the element; a cleared context whose unit is the CSS pixel, and the size in such. */
export function prepare(canvas) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** A colour, size or font of the style sheet. */
export const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
