// Colours of classes: Okabe and Ito's, told apart with any colour vision; beyond eight they come again, striped.

const OKABE_ITO = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a600", "#7f7f7f"];

let order = [];

/** The model's classes have the first colours, in their order; labels that people add follow. */
export function setClasses(classes) {
  order = [...classes];
}

function place(label) {
  if (!order.includes(label)) order.push(label);
  return order.indexOf(label);
}

export const colour = (label) => OKABE_ITO[place(label) % OKABE_ITO.length];

export const isStriped = (label) => Math.floor(place(label) / OKABE_ITO.length) % 2 === 1;

/** Give an element its class colour, as the custom property that the style sheets use. */
export function paint(element, label) {
  element.style.setProperty("--class", colour(label));
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
