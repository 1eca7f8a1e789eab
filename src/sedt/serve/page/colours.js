// Colours of classes, `--k0` and on in theme.css, the same as in reports; beyond the last they come again, striped.
import { themed } from "./canvas.js";

const NUMBER = 12;

let order = [];

/** The model's classes have the first colours, in their order; labels that people add follow. */
export function setClasses(classes) {
  order = [...classes];
}

function place(label) {
  if (!order.includes(label)) order.push(label);
  return order.indexOf(label);
}

const nameOf = (label) => `--k${place(label) % NUMBER}`;

let read = { scheme: null, colours: new Map() };

/** For canvases; a style sheet takes what `paint` has set. */
export function colour(label) {
  const scheme = document.documentElement.dataset.theme;
  if (read.scheme !== scheme) read = { scheme, colours: new Map() };
  const name = nameOf(label);
  if (!read.colours.has(name)) read.colours.set(name, themed(name));
  return read.colours.get(name);
}

export const isStriped = (label) => Math.floor(place(label) / NUMBER) % 2 === 1;

/** Give an element its class colour, as the custom property that the style sheets use. */
export function paint(element, label) {
  element.style.setProperty("--class", `var(${nameOf(label)})`);
  element.classList.toggle("striped", isStriped(label));
}

export const labelsInUse = () => [...order];

/** `dog_bark` -> `dog bark`, for people; tables keep the model's spelling. */
export const spoken = (label) => label.replaceAll("_", " ");

const MAPS = {
  light: [[250, 250, 248], [206, 222, 232], [122, 166, 196], [44, 96, 140], [16, 38, 74]],
  dark: [[17, 20, 24], [30, 44, 84], [98, 52, 122], [206, 84, 90], [252, 214, 140]],
};

/** 256 colours of the spectrogram, as bytes R G B A. */
export function spectrogramColours(scheme) {
  const stops = MAPS[scheme];
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level++) {
    const at = (level / 255) * (stops.length - 1);
    const i = Math.min(stops.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) bytes[level * 4 + c] = stops[i][c] + (at - i) * (stops[i + 1][c] - stops[i][c]);
    bytes[level * 4 + 3] = 255;
  }
  return bytes;
}
