// One recording: what the model found, what a person made of it, and the way back. No DOM here.

const MAX_STEPS = 500;
const NUDGES_MS = 800;
export const SHORTEST_S = 0.01;

let nextId = 1;

/** Whether an event stands at this threshold; `null` means the model's own threshold of each class. */
export function passes(event, threshold, own) {
  if (event.score === null) return true; // a person's word needs no score
  return event.score >= (threshold ?? own[event.event_label] ?? 0.5);
}

export class Recording {
  /** `file` may be missing after a reload, where the audio was too large to keep. */
  constructor(id, name, file) {
    Object.assign(this, { id, name, file, size: file?.size ?? 0, duration: 0, model: "" });
    this.state = "waiting"; // waiting, uploading, detecting, done, failed
    this.progress = 0;
    this.error = "";
    this.events = [];
    this.past = [];
    this.future = [];
    this.onchange = () => {};
  }

  /** The model's candidates take the place of all there was. */
  setCandidates(events, duration) {
    this.events = events.map((event) => ({ ...event, score: event.score ?? null, id: nextId++ }));
    this.duration = duration;
    this.past = [];
    this.future = [];
    this.state = "done";
    this.onchange();
  }

  /** What stands, in order of time. */
  visible(threshold, own) {
    return this.events
      .filter((event) => passes(event, threshold, own))
      .sort((a, b) => a.onset - b.onset || a.offset - b.offset);
  }

  find = (id) => this.events.find((event) => event.id === id);

  get corrected() {
    return this.past.length > 0 || this.events.some((event) => event.score === null);
  }

  /** Add a person's event; its id. */
  add(onset, offset, label) {
    const event = this.fit({ onset, offset, event_label: label, score: null, id: nextId++ });
    this.step([...this.events, event]);
    return event.id;
  }

  /**
   * Change onset, offset or label; the event becomes a person's. Nothing happens where nothing differs.
   * Nudges of one event that follow each other closely are one step of undo.
   */
  change(id, changes, isNudge = false) {
    const before = this.find(id);
    if (!before || Object.entries(changes).every(([key, value]) => before[key] === value)) return;
    const after = this.fit({ ...before, ...changes, score: null, was: before.was ?? before.score });
    const events = this.events.map((event) => (event.id === id ? after : event));
    const now = performance.now();
    const goesOn = isNudge && this.nudged?.id === id && now - this.nudged.at < NUDGES_MS;
    if (goesOn) {
      this.events = events;
      this.onchange();
    } else this.step(events);
    this.nudged = isNudge ? { id, at: now } : null;
  }

  remove(id) {
    this.step(this.events.filter((event) => event.id !== id));
  }

  undo() {
    if (this.past.length) this.move(this.past, this.future);
  }

  redo() {
    if (this.future.length) this.move(this.future, this.past);
  }

  step(events) {
    this.nudged = null;
    this.past = [...this.past, this.events].slice(-MAX_STEPS);
    this.future = [];
    this.events = events;
    this.onchange();
  }

  move(from, to) {
    this.nudged = null;
    to.push(this.events);
    this.events = from.pop();
    this.onchange();
  }

  /** Times in order, inside the recording, to the millisecond. */
  fit(event) {
    const end = this.duration || Infinity;
    const [first, last] = [event.onset, event.offset].sort((a, b) => a - b);
    const onset = Math.max(0, Math.min(first, end - SHORTEST_S));
    const offset = Math.min(end, Math.max(last, onset + SHORTEST_S));
    return { ...event, onset: Math.round(onset * 1000) / 1000, offset: Math.round(offset * 1000) / 1000 };
  }

  /** As the server takes them. */
  static plain(events) {
    return events.map(({ onset, offset, event_label, score }) => ({ onset, offset, event_label, score }));
  }

  toRecord(keepsAudio) {
    const { id, name, size, duration, model, events, state } = this;
    return { id, name, size, duration, model, events, done: state === "done", file: keepsAudio ? this.file : null };
  }

  static fromRecord(record) {
    const made = new Recording(record.id, record.name, record.file);
    Object.assign(made, { size: record.size, duration: record.duration, model: record.model });
    made.events = record.events.map((event) => ({ ...event, id: nextId++ }));
    made.state = record.done ? "done" : "waiting";
    return made;
  }
}
