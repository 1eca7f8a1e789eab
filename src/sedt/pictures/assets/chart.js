// The values under the pointer, and one line singled out by its name in the legend.
function sedtChart(figure) {
  const svg = figure.querySelector("svg"), hair = svg.querySelector(".hair");
  const data = JSON.parse(svg.dataset.chart), frame = data.frame;
  const shapes = svg.querySelectorAll(".line, .dot");
  const tip = document.createElement("div");
  tip.className = "sedt-tip";
  tip.hidden = true;
  figure.append(tip);

  const short = (value) => String(Number(value.toPrecision(4)));
  const nearest = (line, x) => {
    let best = null;
    line.x.forEach((one, i) => {
      if (line.steps ? one <= x : best === null || Math.abs(one - x) <= Math.abs(line.x[best] - x)) best = i;
    });
    return best;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const at = (event.clientX - box.left) * scale;
    const share = Math.max(0, Math.min(1, (at - frame.left) / (frame.right - frame.left)));
    let x = frame.x[0] + share * (frame.x[1] - frame.x[0]);
    const anchor = data.lines.find((line) => !line.steps);
    if (anchor) x = anchor.x[nearest(anchor, x)];
    const reach = (frame.x[1] - frame.x[0]) / 50;
    const rows = [];
    for (const line of data.lines) {
      const i = nearest(line, x);
      if (i === null || (!line.steps && Math.abs(line.x[i] - x) > reach)) continue;
      const row = document.createElement("div");
      row.className = line.colour === null ? "grey" : `k${line.colour}`;
      row.textContent = line.name;
      const value = document.createElement("b");
      value.textContent = short(line.y[i]);
      row.append(value);
      rows.push(row);
    }
    const head = document.createElement("div");
    head.textContent = `${data.x} ${short(x)}`;
    tip.replaceChildren(head, ...rows);
    tip.hidden = rows.length === 0;
    const place = frame.left + ((x - frame.x[0]) / (frame.x[1] - frame.x[0])) * (frame.right - frame.left);
    hair.setAttribute("x1", place);
    hair.setAttribute("x2", place);
    hair.setAttribute("visibility", "visible");
    const left = place / scale, isRight = left > box.width / 2;
    tip.style.left = isRight ? "auto" : `${left + 10}px`;
    tip.style.right = isRight ? `${box.width - left + 10}px` : "auto";
    tip.style.top = `${box.top - figure.getBoundingClientRect().top + 10}px`;
  });
  svg.addEventListener("pointerleave", () => {
    tip.hidden = true;
    hair.setAttribute("visibility", "hidden");
  });
  figure.querySelectorAll(".sedt-legend li").forEach((name) => {
    const show = (on) => shapes.forEach((s, i) => s.classList.toggle("is-dim", on && i !== Number(name.dataset.line)));
    name.addEventListener("pointerenter", () => show(true));
    name.addEventListener("pointerleave", () => show(false));
  });
}
