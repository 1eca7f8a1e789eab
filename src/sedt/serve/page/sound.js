// Samples of the chosen recording: decoded by the browser, kept and measured in a worker.

const worker = new Worker(new URL("./sound_worker.js", import.meta.url), { type: "module" });
const LARGE_BYTES = 30e6;
const PIECE = 2 ** 20; // samples

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
  await hand(decoded, rate, number);
  if (number !== current) return null;
  const { peaks } = await ask({ type: "peaks" });
  return number === current ? { peaks, duration: decoded.duration, topHz: rate / 2 } : null;
}

/** Samples go to the worker in pieces, so that the page answers meanwhile. */
async function hand(decoded, rate, number) {
  worker.postMessage({ type: "begin", length: decoded.length, rate });
  for (let offset = 0; offset < decoded.length && number === current; offset += PIECE) {
    for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
      const piece = new Float32Array(Math.min(PIECE, decoded.length - offset));
      decoded.copyFromChannel(piece, channel, offset);
      worker.postMessage({ type: "add", offset, piece, share: 1 / decoded.numberOfChannels }, [piece.buffer]);
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
}

export function drop() {
  current += 1;
  worker.postMessage({ type: "drop" });
}

/** Levels 0..255 of a stretch: `width` columns of `height` mel bands, the highest band first. */
export const spectrogram = (start, end, width, height) => ask({ type: "spectrogram", start, end, width, height });
