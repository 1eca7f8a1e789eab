// The chosen recording: what a person does to its events.
import { spoken } from "./colours.js";
import { announce, byId } from "./dom.js";
import { Inspector } from "./inspector.js";
import { askLabel } from "./label_dialog.js";
import { Pointer } from "./pointer.js";
import { EventTable } from "./table.js";
import { clock } from "./time.js";
import { Tracks } from "./tracks.js";

const ZOOM_STEP = 1.6;
const NEW_EVENT_S = 1;
const SHORTEST_DRAWN_S = 0.03; // a shorter drag is a slip of the hand

export class Editor {
  /** `threshold()` gives the slider's; null is the model's own of each class. */
  constructor(threshold) {
    Object.assign(this, { threshold, recording: null, events: [], chosen: null, lastLabel: null });
    this.onrecording = () => {};
    this.tracks = new Tracks();
    this.view = this.tracks.view;
    this.table = new EventTable((id) => this.choose(id, true));
    this.inspector = new Inspector({
      play: () => this.playChosen(),
      remove: () => this.remove(),
      relabel: () => this.relabel(),
      change: (changes) => this.recording.change(this.chosen, changes),
    });
    this.pointer = new Pointer(byId("tracks"), this.view, {
      seek: (time) => this.view.seek(time),
      choose: (id) => this.choose(id, true),
      preview: (id, changes) => this.preview(id, changes),
      commit: (id, changes) => this.commit(id, changes),
      draft: (onset, offset, label) => this.tracks.drawDraft(onset, offset, label),
      add: (onset, offset, label) => this.add(onset, offset, label),
    });
    this.listen();
  }

  listen() {
    const clicks = {
      play: () => this.playPause(),
      undo: () => this.undo(),
      redo: () => this.redo(),
      add: () => this.addHere(),
      "zoom-in": () => this.zoom(1),
      "zoom-out": () => this.zoom(-1),
      "zoom-fit": () => this.fit(),
    };
    for (const [id, action] of Object.entries(clicks)) byId(id).onclick = action;
  }

  /** Show a recording's events; its sound comes by `tracks.setSound`. */
  open(recording) {
    if (this.recording !== recording) this.chosen = null;
    this.recording = recording;
    this.refresh();
  }

  /** Everything anew from the recording, after any change of it, of the threshold or of what is chosen. */
  refresh() {
    const { recording } = this;
    if (!recording) return;
    this.events = recording.visible(this.threshold());
    if (!this.events.some((event) => event.id === this.chosen)) this.chosen = null;
    this.tracks.set(this.events, this.chosen);
    this.inspector.set(this.chosen === null ? null : recording.find(this.chosen));
    byId("undo").disabled = !recording.past.length;
    byId("redo").disabled = !recording.future.length;
    byId("file-name").textContent = recording.name;
    byId("file-facts").textContent = this.facts();
    const isReady = recording.state === "done";
    this.table.set(this.events, this.chosen, isReady ? "Nothing at this threshold." : "");
  }

  facts() {
    const { recording, events } = this;
    if (recording.state !== "done") return "";
    const corrected = events.filter((event) => event.score === null).length;
    const facts = [clock(recording.duration, 1), `${events.length} ${events.length === 1 ? "event" : "events"}`];
    if (corrected) facts.push(`${corrected} corrected`);
    return facts.join(" · ");
  }

  // what a person does

  choose(id, plays = false) {
    this.chosen = id;
    this.refresh();
    const event = this.recording.find(id);
    if (!event) return;
    this.view.reveal(event.onset, event.offset);
    this.sayTimes(event);
    if (plays) this.playChosen();
  }

  chooseNext(way) {
    const { events } = this;
    if (!events.length) return;
    const place = events.findIndex((event) => event.id === this.chosen);
    const next = place < 0 ? this.nearest(way) : Math.max(0, Math.min(events.length - 1, place + way));
    this.choose(events[next].id);
  }

  /** Where nothing is chosen: the first event after the playback, or the last before it. */
  nearest(way) {
    const { now } = this.view;
    const after = this.events.findIndex((event) => event.onset >= now);
    if (way > 0) return after < 0 ? this.events.length - 1 : after;
    return Math.max(0, (after < 0 ? this.events.length : after) - 1);
  }

  playChosen() {
    const event = this.recording?.find(this.chosen);
    if (event) this.view.play(event.onset, event.offset);
  }

  playPause() {
    if (this.view.isPlaying) this.view.pause();
    else this.view.play();
  }

  preview(id, changes) {
    const moved = this.events.map((event) => (event.id === id ? this.recording.fit({ ...event, ...changes }) : event));
    this.chosen = id;
    this.events = moved;
    this.tracks.set(moved, id);
    this.inspector.set(moved.find((event) => event.id === id));
  }

  commit(id, changes) {
    this.chosen = id;
    this.recording.change(id, changes);
    this.refresh();
  }

  nudge(by) {
    const event = this.recording.find(this.chosen);
    if (!event) return;
    const changes = Object.fromEntries(Object.entries(by).map(([edge, step]) => [edge, event[edge] + step]));
    if (changes.onset < 0 || changes.offset > this.recording.duration) return;
    if ((changes.onset ?? event.onset) >= (changes.offset ?? event.offset)) return;
    this.recording.change(this.chosen, changes, true);
    this.sayTimes(this.recording.find(this.chosen));
  }

  sayTimes(event) {
    announce(`${spoken(event.event_label)}, ${clock(event.onset, 2)} to ${clock(event.offset, 2)}`);
  }

  async add(onset, offset, label) {
    if (offset - onset < SHORTEST_DRAWN_S) return;
    this.tracks.drawDraft(onset, offset, label);
    const { recording } = this;
    const named = label ?? (await askLabel(this.lastLabel ?? ""));
    this.tracks.drawDraft(null);
    if (!named || recording !== this.recording) return;
    this.lastLabel = named;
    this.choose(recording.add(onset, offset, named));
  }

  addHere() {
    const { now, duration } = this.view;
    if (!duration) return;
    const onset = Math.max(0, Math.min(now, duration - 0.1));
    this.add(onset, Math.min(duration, onset + NEW_EVENT_S), null);
  }

  async relabel() {
    const { recording } = this;
    const event = recording.find(this.chosen);
    if (!event) return;
    const label = await askLabel(event.event_label);
    if (!label || recording !== this.recording) return;
    this.lastLabel = label;
    recording.change(event.id, { event_label: label });
  }

  /** Delete the chosen event; the next one is chosen. */
  remove() {
    const place = this.events.findIndex((event) => event.id === this.chosen);
    if (place < 0) return;
    const next = this.events[place + 1] ?? this.events[place - 1];
    this.recording.remove(this.chosen);
    this.chosen = next?.id ?? null;
    this.refresh();
    announce("Deleted. Undo with Ctrl and Z.");
  }

  undo() {
    if (!this.recording?.past.length) return;
    this.recording.undo();
    announce("Undone.");
  }

  redo() {
    if (!this.recording?.future.length) return;
    this.recording.redo();
    announce("Done again.");
  }

  zoom(way) {
    const chosen = this.recording?.find(this.chosen);
    const middle = chosen ? this.view.x((chosen.onset + chosen.offset) / 2) : this.view.x(this.view.now);
    const isSeen = middle >= 0 && middle <= this.view.width;
    this.view.zoom(ZOOM_STEP ** way, isSeen ? middle : undefined);
  }

  fit() {
    this.view.fit();
  }

  escape() {
    if (this.pointer.cancel()) return this.refresh();
    this.chosen = null;
    this.refresh();
  }
}
