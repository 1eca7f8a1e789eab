// Recordings on their way through the server, one at a time.
import { detect } from "./api.js";
import { bytes } from "./time.js";

const MOST_TRIES = 5; // where the server's queue is full
const MOST_WAIT_S = 30;

export class Detecting {
  /** `on`: change(recording), fail(recording, line, status), token() -> promise. `next()` gives one that waits, or undefined. */
  constructor(on, next) {
    Object.assign(this, { on, next, isBusy: false, limitBytes: 0, model: "" });
  }

  /** A recording joins those that wait. */
  async add(recording) {
    Object.assign(recording, { state: "waiting", error: "", tries: 0 });
    this.on.change(recording);
    if (this.isBusy) return;
    this.isBusy = true;
    for (let one = recording; one; one = this.next()) await this.send(one);
    this.isBusy = false;
  }

  async send(recording) {
    const { limitBytes } = this;
    if (limitBytes && recording.size > limitBytes) {
      return this.on.fail(recording, `${bytes(recording.size)}: this server takes up to ${bytes(limitBytes)}.`);
    }
    recording.leaving = new AbortController();
    try {
      const progress = (share) => this.progress(recording, share);
      const found = await detect(recording.file, recording.name, progress, recording.leaving.signal);
      recording.model = this.model;
      const swept = found.sweep.map(({ threshold, events }) => [threshold, events]);
      recording.setFound(new Map([[null, found.events], ...swept]), found.duration);
    } catch (error) {
      if (!recording.leaving.signal.aborted) await this.mend(recording, error);
    }
  }

  progress(recording, share) {
    recording.state = share < 1 ? "uploading" : "detecting";
    recording.progress = share;
    this.on.change(recording);
  }

  /** Wait and try again where that may help, else give up. */
  async mend(recording, error) {
    if (error.status === 401) {
      recording.state = "waiting";
      if (await this.on.token()) return;
      return this.on.fail(recording, error.message);
    }
    if (error.status !== 503 || ++recording.tries >= MOST_TRIES) return this.on.fail(recording, error.message, error.status);
    recording.state = "waiting";
    recording.error = "the server is busy, waiting …";
    this.on.change(recording);
    await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(MOST_WAIT_S, error.retryAfter || 2)));
  }
}
