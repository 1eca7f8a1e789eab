// Holds the samples of one recording; finds its peaks, and levels of mel bands for the stretch that is looked at.
import FFT from "./vendor/wavesurfer/fft.js";

const SIZE = 1024; // samples of a frame
const FRAMES_PER_COLUMN = 4; // a column of a long stretch shows the loudest of so many frames
const RANGE_DB = 70;
const MOST_PEAKS = 1_000_000;

let samples = new Float32Array(0);
let rate = 16000;
let topDb = 0;
let fft = new FFT(SIZE, rate, "hann");
const frame = new Float32Array(SIZE);

self.onmessage = ({ data }) => {
  if (data.type === "drop") samples = new Float32Array(0);
  if (data.type === "begin") begin(data.length, data.rate);
  if (data.type === "add") add(data.offset, data.piece, data.share);
  if (data.type === "peaks") reply(data, { peaks: peaks() });
  if (data.type === "spectrogram") reply(data, { levels: levels(data.start, data.end, data.width, data.height) });
};

function reply(asked, answer) {
  const buffers = Object.values(answer).flatMap((one) => (Array.isArray(one) ? one : [one])).map((one) => one.buffer);
  self.postMessage({ request: asked.request, ...answer }, buffers);
}

function begin(length, newRate) {
  rate = newRate;
  fft = new FFT(SIZE, rate, "hann");
  samples = new Float32Array(length);
}

/** A piece of one channel, as its share of the mono sum. */
function add(offset, piece, share) {
  for (let i = 0; i < piece.length && offset + i < samples.length; i++) samples[offset + i] += share * piece[i];
}

/** Maxima and minima for the waveform; afterwards the level of the loudest is known too. */
function peaks() {
  topDb = loudest();
  const count = Math.max(1, Math.min(MOST_PEAKS, Math.ceil(samples.length / 8)));
  const [maxima, minima] = [new Float32Array(count), new Float32Array(count)];
  for (let k = 0; k < count; k++) {
    const end = Math.floor(((k + 1) * samples.length) / count);
    let [high, low] = [-1, 1];
    for (let i = Math.floor((k * samples.length) / count); i < end; i++) {
      if (samples[i] > high) high = samples[i];
      if (samples[i] < low) low = samples[i];
    }
    [maxima[k], minima[k]] = high < low ? [0, 0] : [Math.max(high, 0), Math.min(low, 0)];
  }
  return [maxima, minima];
}

/** Magnitudes of the frame around a sample. The array is used again by the next call. */
function spectrum(centre) {
  const start = Math.round(centre) - SIZE / 2;
  for (let i = 0; i < SIZE; i++) frame[i] = samples[start + i] ?? 0;
  return fft.calculateSpectrum(frame);
}

const toDb = (magnitude) => 20 * Math.log10(magnitude + 1e-9);

/** What 1 of 100 frames spread over the recording exceeds: the top of the scale, so that colours mean the same everywhere. */
function loudest() {
  const all = [];
  for (let k = 0; k < 400; k++) {
    let most = 0;
    for (const magnitude of spectrum(((k + 0.5) / 400) * samples.length)) if (magnitude > most) most = magnitude;
    all.push(toDb(most));
  }
  all.sort((a, b) => a - b);
  return Math.max(-90, all[Math.floor(0.99 * all.length)]);
}

const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
const hz = (mels) => 700 * (10 ** (mels / 2595) - 1);

/** First and last bin of each band, the highest band first. */
function bands(height) {
  const top = mel(rate / 2);
  return Array.from({ length: height }, (_, row) => {
    const [from, to] = [height - 1 - row, height - row].map((i) => (hz((i / height) * top) / rate) * SIZE);
    return [Math.min(SIZE / 2 - 1, Math.floor(from)), Math.min(SIZE / 2 - 1, Math.max(Math.floor(from), Math.ceil(to) - 1))];
  });
}

function levels(start, end, width, height) {
  const made = new Uint8ClampedArray(width * height);
  const rows = bands(height);
  const columnSamples = ((end - start) * rate) / width;
  const frames = Math.max(1, Math.min(FRAMES_PER_COLUMN, Math.round(columnSamples / SIZE)));
  const most = new Float32Array(SIZE / 2);
  for (let x = 0; x < width; x++) {
    most.fill(0);
    for (let k = 0; k < frames; k++) {
      const one = spectrum(start * rate + (x + (k + 0.5) / frames) * columnSamples);
      for (let i = 0; i < most.length; i++) if (one[i] > most[i]) most[i] = one[i];
    }
    rows.forEach(([from, to], row) => {
      let magnitude = 0;
      for (let i = from; i <= to; i++) if (most[i] > magnitude) magnitude = most[i];
      made[row * width + x] = ((toDb(magnitude) - topDb) / RANGE_DB + 1) * 255;
    });
  }
  return made;
}
