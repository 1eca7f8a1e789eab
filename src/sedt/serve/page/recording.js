// One recording: what the model found, what a person made of it, and the way back. No DOM here.

const MAX_STEPS = 500;
const NUDGES_MS = 800;
const SAME_EVENT = 0.5; // two stretches of a label are one event if they share this part of the shorter one
export const SHORTEST_S = 0.01;

let nextId = 1;

export class Recording {
  /** `file` may be missing after a reload, where the audio was too large to keep. */
  constructor(id, name, file) {
    Object.assign(this, { id, name, file, size: file?.size ?? 0, modified: file?.lastModified ?? 0, duration: 0 });
    this.model = ""; // fingerprint of the one that found them
    this.state = "waiting"; // waiting, uploading, detecting, done, failed
    this.progress = 0;
    this.error = "";
    this.found = new Map(); // threshold (null: the model's own) -> events
    this.hand = { made: [], gone: [] }; // a person's events, and the model's that they changed or deleted
    this.past = [];
    this.future = [];
    this.onchange = () => {};
  }

  /** The model's events at each threshold take the place of those before; a person's work stays. */
  setFound(found, duration) {
    this.found = withIds(found);
    const made = this.hand.made.map((event) => ({ ...event, wasFirst: true })); // so the model need not say it again
    this.hand = { ...this.hand, made };
    this.duration = duration;
    this.state = "done";
    this.onchange();
  }

  /** Whether the model has said what it finds, or will not. */
  get isAnswered() {
    return this.state === "done" || this.state === "failed";
  }

  /** What stands at this threshold, in order of time; `null` is the model's own of each class. */
  visible(threshold) {
    const { made, gone } = this.hand;
    const isLive = this.found.size === 1; // what was heard as it came was decided then
    const found = this.found.get(isLive ? null : threshold) ?? [];
    const ids = new Set(found.map((event) => event.id));
    const goneIds = new Set(gone.map((event) => event.id));
    // What is gone may have other edges at another threshold, or for another model.
    const known = [...gone.filter((event) => !ids.has(event.id)), ...made.filter((event) => event.wasFirst)];
    const left = found.filter((event) => !goneIds.has(event.id) && !known.some((one) => areSame(one, event)));
    return [...made, ...left].sort((a, b) => a.onset - b.onset || a.offset - b.offset);
  }

  /** An event of a person or of the model at any threshold. */
  find(id) {
    const has = (event) => event.id === id;
    const made = this.hand.made.find(has);
    if (made) return made;
    for (const events of this.found.values()) {
      const event = events.find(has);
      if (event) return event;
    }
    return undefined;
  }

  /** Add a person's event; its id. */
  add(onset, offset, label) {
    const event = this.fit({ onset, offset, event_label: label, score: null, id: nextId++ });
    this.step({ ...this.hand, made: [...this.hand.made, event] });
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
    const hand = this.without(before);
    hand.made = [...hand.made, after];
    const now = performance.now();
    const goesOn = isNudge && this.nudged?.id === id && now - this.nudged.at < NUDGES_MS;
    if (goesOn) {
      this.hand = hand;
      this.onchange();
    } else this.step(hand);
    this.nudged = isNudge ? { id, at: now } : null;
  }

  remove(id) {
    const event = this.find(id);
    if (event) this.step(this.without(event));
  }

  /** A person's work without an event; what the model found is remembered as gone. */
  without(event) {
    const { made, gone } = this.hand;
    if (event.score === null) return { made: made.filter((one) => one.id !== event.id), gone };
    return { made, gone: [...gone, event] };
  }

  undo() {
    if (this.past.length) this.move(this.past, this.future);
  }

  redo() {
    if (this.future.length) this.move(this.future, this.past);
  }

  step(hand) {
    this.nudged = null;
    this.past = [...this.past, this.hand].slice(-MAX_STEPS);
    this.future = [];
    this.hand = hand;
    this.onchange();
  }

  move(from, to) {
    this.nudged = null;
    to.push(this.hand);
    this.hand = from.pop();
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

  toRecord() {
    const { id, name, size, modified, duration, model, found, hand, state } = this;
    return { id, name, size, modified, duration, model, found, hand, done: state === "done" };
  }

  static fromRecord({ id, name, size, modified, duration, model, found, hand, done }, file) {
    const made = new Recording(id, name, file);
    Object.assign(made, { size, modified, duration, model, found, hand, state: done ? "done" : "waiting" });
    const ids = [...found.values(), hand.made, hand.gone].flatMap((events) => events.map((event) => event.id));
    for (const one of ids) nextId = Math.max(nextId, one + 1);
    return made;
  }
}

/** The same event at several thresholds has one id, so that it stays chosen while the slider moves. */
function withIds(found) {
  const known = new Map();
  const named = (event) => {
    const { onset, offset, event_label, score } = event;
    const key = `${onset} ${offset} ${event_label}`;
    if (!known.has(key)) known.set(key, nextId++);
    return { onset, offset, event_label, score, id: known.get(key) };
  };
  return new Map([...found].map(([threshold, events]) => [threshold, events.map(named)]));
}

/** Whether two stretches of a label are one event, as `sedt.decoding.overlaps` has it. */
function areSame(a, b) {
  if (a.event_label !== b.event_label) return false;
  const shared = Math.min(a.offset, b.offset) - Math.max(a.onset, b.onset);
  return shared > 0 && shared >= SAME_EVENT * Math.min(a.offset - a.onset, b.offset - b.onset);
}
