// Gathers the microphone's blocks of 128 samples and hands them on as 16-bit numbers.

const BLOCK = 2048;

class Samples extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
    this.isOver = false;
    this.port.onmessage = () => {
      this.port.postMessage(this.block.slice(0, this.filled));
      this.port.postMessage(null);
      this.isOver = true;
    };
  }

  process([channels]) {
    if (this.isOver) return false;
    const mono = channels[0];
    for (let i = 0; mono && i < mono.length; i++) {
      this.block[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(mono[i] * 32767)));
      if (this.filled === BLOCK) this.hand();
    }
    return true;
  }

  hand() {
    this.port.postMessage(this.block, [this.block.buffer]);
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
  }
}

registerProcessor("samples", Samples);
