// The threshold slider: events at each of its thresholds are here already, so it acts at once.
import { byId, afterQuiet, onceAFrame } from "./dom.js";
import { keepSetting, readSetting } from "./storage.js";

const STEPS = 20; // of 1, as the server sweeps

export class ThresholdSlider {
  /** `changed()` is called while the slider moves, `settled()` when it rests. */
  constructor(changed, settled) {
    this.value = null; // the model's own of each class
    this.own = {};
    this.model = "";
    this.changed = onceAFrame(changed);
    this.settled = afterQuiet(settled, 120);
    byId("threshold").oninput = ({ target }) => this.set(Number(target.value));
    byId("threshold-own").onclick = () => this.set(null);
  }

  /** What a person chose for another model does not count for this one. */
  setModel(model) {
    const kept = readSetting("threshold", null);
    this.model = model.fingerprint;
    this.own = model.thresholds;
    this.value = kept?.model === model.fingerprint ? kept.value : null;
    this.show();
  }

  set(value) {
    this.value = value === null ? null : Math.round(value * STEPS) / STEPS;
    keepSetting("threshold", { model: this.model, value: this.value });
    this.show();
    this.changed();
    this.settled();
  }

  show() {
    const { value, own } = this;
    const all = Object.values(own);
    const mean = all.length ? all.reduce((sum, one) => sum + one, 0) / all.length : 0.5;
    byId("threshold").value = String(value ?? mean);
    const differ = new Set(all.map((one) => one.toFixed(2))).size > 1;
    byId("threshold-value").textContent = value === null ? (differ ? "own" : mean.toFixed(2)) : value.toFixed(2);
    byId("threshold").setAttribute("aria-valuetext", value === null ? "the model's own" : value.toFixed(2));
    byId("threshold-own").setAttribute("aria-pressed", String(value === null));
  }
}
