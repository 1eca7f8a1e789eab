// Dark or light: as the system says, until the button is used.
import { byId } from "./dom.js";
import { keepSetting, readSetting } from "./storage.js";

const system = matchMedia("(prefers-color-scheme: dark)");

/** `changed()` is called after each change, for what is drawn on canvases. */
export function followTheme(changed) {
  let chosen = readSetting("theme", null);
  const apply = () => {
    document.documentElement.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
    changed();
  };
  byId("theme").onclick = () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    keepSetting("theme", chosen);
    apply();
  };
  system.addEventListener("change", apply);
  apply();
}
