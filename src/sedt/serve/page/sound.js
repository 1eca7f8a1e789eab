// Samples of the chosen recording: decoded by the browser, kept and measured in a worker.

const worker = new Worker(new URL("./sound_worker.js", import.meta.url), { type: "module" });
const LARGE_BYTES = 30e6;

let current = 0; // number of the recording that the worker holds
let waiting = new Map(); // request -> resolve
let nextRequest = 1;

worker.onmessage = ({ data }) => {
  waiting.get(data.request)?.(data);
  waiting.delete(data.request);
};

function ask(message, transfer = []) {
  const request = nextRequest++;
  worker.postMessage({ ...message, request }, transfer);
  return new Promise((resolve) => waiting.set(request, resolve));
}

/**
 * Decode a file: {peaks: [maxima, minima], duration, topHz}. Long recordings are drawn from 8 kHz of sound at most.
 * Throws where this browser cannot decode it. null if another was asked for meanwhile.
 */
export async function load(file, modelRate) {
  const number = ++current;
  const rate = Math.min(file.size > LARGE_BYTES ? 16000 : 32000, Math.max(8000, modelRate || 16000));
  const bytes = await file.arrayBuffer();
  if (number !== current) return null;
  const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  if (number !== current) return null;
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, i) => decoded.getChannelData(i).slice());
  const duration = decoded.duration;
  const { peaks } = await ask({ type: "load", channels, rate }, channels.map((one) => one.buffer));
  return number === current ? { peaks, duration, topHz: rate / 2 } : null;
}

export function drop() {
  current += 1;
  worker.postMessage({ type: "drop" });
}

/** Levels 0..255 of a stretch: `width` columns of `height` mel bands, the highest band first. */
export const spectrogram = (start, end, width, height) => ask({ type: "spectrogram", start, end, width, height });
