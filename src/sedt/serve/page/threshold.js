// The threshold slider: filters candidates that are here already, so it acts at once.
import { byId, afterQuiet, onceAFrame } from "./dom.js";
import { keepSetting, readSetting } from "./storage.js";

export class ThresholdSlider {
  /** `changed()` is called while the slider moves, `settled()` when it rests. */
  constructor(changed, settled) {
    this.state = { value: null, own: {} }; // value null: the model's own of each class
    this.changed = onceAFrame(changed);
    this.settled = afterQuiet(settled, 120);
    byId("threshold").oninput = ({ target }) => this.set(Number(target.value));
    byId("threshold-own").onclick = () => this.set(null);
  }

  setModel(model) {
    this.state = { value: readSetting("threshold", null), own: model.thresholds };
    this.show();
  }

  set(value) {
    this.state.value = value;
    keepSetting("threshold", value);
    this.show();
    this.changed();
    this.settled();
  }

  show() {
    const { value, own } = this.state;
    const all = Object.values(own);
    const mean = all.length ? all.reduce((sum, one) => sum + one, 0) / all.length : 0.5;
    byId("threshold").value = String(value ?? mean);
    const differ = new Set(all.map((one) => one.toFixed(2))).size > 1;
    byId("threshold-value").textContent = value === null ? (differ ? "own" : mean.toFixed(2)) : value.toFixed(2);
    byId("threshold").setAttribute("aria-valuetext", value === null ? "the model's own" : value.toFixed(2));
    byId("threshold-own").setAttribute("aria-pressed", String(value === null));
  }
}
