// The microphone: samples go to the server as they come, events come back; the recording itself stays here.
import { stream } from "./api.js";
import { bytes } from "./time.js";

const MOST_WAITING_BYTES = 4e6; // in the socket; about 40 s
const WAIT_FOR_END_MS = 10_000;
const HEADER_BYTES = 44;

export class Microphone {
  /**
   * `on`: level(time, peak), event(event), full(bytes as text), over(wav or null, error text, seconds in all, whether
   * the WAV, which has at most `mostBytes`, holds less).
   */
  constructor(on, mostBytes) {
    Object.assign(this, { on, mostBytes, blocks: [], kept: 0, received: 0, isFull: false, isStopping: false, isOver: false });
  }

  get time() {
    return this.context ? this.received / this.context.sampleRate : 0;
  }

  /** Ask for the microphone and begin. Throws what `getUserMedia` does. */
  async start() {
    if (!navigator.mediaDevices) throw new Error("A browser gives the microphone only to https pages and to localhost.");
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const media = await navigator.mediaDevices.getUserMedia({ audio: plain });
    if (this.isOver) return media.getTracks().forEach((track) => track.stop()); // stopped while the browser asked
    this.media = media;
    this.context = new AudioContext();
    try {
      await this.context.audioWorklet.addModule(new URL("./microphone_worklet.js", import.meta.url));
    } catch {
      throw new Error("the server does not answer: is it running?");
    }
    if (this.isOver) return;
    await this.open();
    if (this.isOver) return;
    this.node = new AudioWorkletNode(this.context, "samples", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    this.node.port.onmessage = ({ data }) => (data === null ? this.socket.send(new ArrayBuffer(0)) : this.take(data));
    this.context.createMediaStreamSource(this.media).connect(this.node);
  }

  open() {
    this.socket = stream(this.context.sampleRate);
    this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    return new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onclose = ({ code, reason }) => {
        const line = reason || `The server ended the stream (code ${code}).`;
        reject(new Error(line)); // means nothing once it was open
        this.finish(this.isStopping || code === 1000 ? "" : line);
      };
    });
  }

  take(block) {
    if (this.isOver) return;
    this.received += block.length;
    if (!this.isFull && this.kept + block.byteLength + HEADER_BYTES > this.mostBytes) {
      this.isFull = true;
      this.on.full(bytes(this.mostBytes));
    }
    if (!this.isFull) {
      this.blocks.push(block);
      this.kept += block.byteLength;
    }
    let peak = 0;
    for (const sample of block) peak = Math.max(peak, Math.abs(sample));
    this.on.level(this.time, peak / 32768);
    if (this.socket.bufferedAmount > MOST_WAITING_BYTES) return this.finish("The server is too slow for this microphone.");
    if (this.socket.readyState === WebSocket.OPEN && block.length) this.socket.send(block);
  }

  hear(message) {
    if (message.end) this.finish("");
    else if (message.event_label) this.on.event(message);
  }

  /** Send what is left, wait for the last events. */
  stop() {
    if (this.isStopping) return;
    this.isStopping = true;
    if (!this.node || this.socket.readyState !== WebSocket.OPEN) return this.finish("");
    this.media.getTracks().forEach((track) => track.stop());
    this.node.port.postMessage("end");
    setTimeout(() => this.finish(""), WAIT_FOR_END_MS);
  }

  finish(error) {
    if (this.isOver) return;
    this.isOver = true;
    this.media?.getTracks().forEach((track) => track.stop());
    this.socket?.close();
    this.context?.close();
    const wav = this.kept ? toWav(this.blocks, this.kept, this.context.sampleRate) : null;
    this.on.over(wav, error, this.time, this.isFull);
  }
}

/** A mono 16-bit WAV file. */
function toWav(blocks, dataBytes, sampleRate) {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (at, letters) => [...letters].forEach((letter, i) => header.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, 36 + dataBytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 1, true); // channels
  header.setUint32(24, sampleRate, true);
  header.setUint32(28, sampleRate * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, dataBytes, true);
  return new Blob([header, ...blocks], { type: "audio/wav" });
}
