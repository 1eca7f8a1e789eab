// Elements of the page.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children: `element("li", { className: "x" }, "text")`. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** An icon of the sprite in index.html. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Runs `action` at most once a frame, however often it is asked for. */
export function onceAFrame(action) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      action();
    });
  };
}

/** Runs `action` when it was not asked for again for so long. */
export function afterQuiet(action, milliseconds) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}

/** Hand a file to the browser's downloads. */
export function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Tell those who listen to the page rather than see it. */
export function announce(text) {
  byId("announce").textContent = text;
}

const notice = byId("notice");
byId("notice-close").onclick = () => (notice.hidden = true);

/** One clear line at the top; `action` is {label, run}. */
export function tell(text, kind = "error", action = null) {
  notice.className = kind;
  notice.firstElementChild.textContent = text;
  const button = byId("notice-action");
  button.hidden = !action;
  if (action) {
    button.textContent = action.label;
    button.onclick = () => {
      notice.hidden = true;
      action.run();
    };
  }
  notice.hidden = false;
}
