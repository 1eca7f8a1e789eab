// Mouse, pen and fingers on the tracks: click to seek, click a box to hear it, drag boxes and edges, drag an empty
// place to add. A finger on an empty place scrolls.

const THRESHOLD_PIXELS = 4;

/**
 * `actions`: seek(time), choose(id), preview(id, changes), commit(id, changes), draft(onset, offset) and
 * add(onset, offset, label).
 */
export class Pointer {
  constructor(tracks, view, actions) {
    Object.assign(this, { tracks, view, actions, drag: null });
    tracks.addEventListener("pointerdown", (event) => this.down(event));
    tracks.addEventListener("pointermove", (event) => this.isOurs(event) && this.move(event));
    tracks.addEventListener("pointerup", (event) => this.isOurs(event) && this.up(event));
    tracks.addEventListener("pointercancel", (event) => this.isOurs(event) && this.cancel());
    tracks.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  x(event) {
    return event.clientX - this.tracks.getBoundingClientRect().left;
  }

  /** Whether it is of the finger that drags: a second one moves nothing. */
  isOurs(event) {
    return event.pointerId === this.drag?.pointer;
  }

  down(event) {
    if (event.button !== 0 || !this.view.duration || this.drag) return;
    const box = event.target.closest(".box");
    const lane = event.target.closest(".lane");
    const start = this.x(event);
    this.drag = {
      pointer: event.pointerId,
      start,
      time: this.view.time(start),
      scrolled: this.view.start,
      box: box?.event ?? null,
      edge: event.target.dataset.edge ?? null,
      label: lane?.dataset.label ?? null,
      isFinger: event.pointerType === "touch",
      hasMoved: false,
    };
    this.tracks.setPointerCapture(event.pointerId);
  }

  move(event) {
    const { drag, view } = this;
    const x = this.x(event);
    if (!drag.hasMoved && Math.abs(x - drag.start) < THRESHOLD_PIXELS) return;
    drag.hasMoved = true;
    if (drag.box) return this.actions.preview(drag.box.id, this.changes(x));
    if (drag.isFinger) return view.scrollTo(drag.scrolled - (x - drag.start) / view.pixelsPerSecond);
    this.actions.draft(...[drag.time, view.time(x)].sort((a, b) => a - b), drag.label);
  }

  /** What the drag makes of the box so far. */
  changes(x) {
    const { box, edge, start } = this.drag;
    const moved = (x - start) / this.view.pixelsPerSecond;
    if (edge === "onset") return { onset: Math.min(box.onset + moved, box.offset - 0.01) };
    if (edge === "offset") return { offset: Math.max(box.offset + moved, box.onset + 0.01) };
    const by = Math.max(-box.onset, Math.min(this.view.duration - box.offset, moved));
    return { onset: box.onset + by, offset: box.offset + by };
  }

  up(event) {
    const { drag, actions } = this;
    const x = this.x(event);
    this.drag = null;
    this.tracks.releasePointerCapture(drag.pointer);
    if (!drag.hasMoved) return drag.box ? actions.choose(drag.box.id) : actions.seek(drag.time);
    if (drag.box) {
      this.drag = drag;
      const changes = this.changes(x);
      this.drag = null;
      return actions.commit(drag.box.id, changes);
    }
    if (drag.isFinger) return;
    actions.draft(null);
    actions.add(...[drag.time, this.view.time(x)].sort((a, b) => a - b), drag.label);
  }

  /** Give a drag up, as Escape does. */
  cancel() {
    if (!this.drag) return false;
    const { box } = this.drag;
    this.drag = null;
    this.actions.draft(null);
    if (box) this.actions.preview(box.id, {});
    return true;
  }

  wheel(event) {
    const { view } = this;
    if (!view.duration) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      return view.zoom(Math.exp(-event.deltaY / 200), this.x(event));
    }
    const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) <= Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
    event.preventDefault();
    view.scrollTo(view.start + sideways / view.pixelsPerSecond);
  }
}
