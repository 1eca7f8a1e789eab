// One player: its button, its cursor, its events. `root` is a figure made by player.py.
function sedtPlayer(root) {
  if (root.dataset.ready) return;
  root.dataset.ready = "1";
  const find = (name) => root.querySelector(name);
  const audio = find("audio"), button = find(".sedt-play"), stage = find(".sedt-stage");
  const scroll = find(".sedt-scroll"), cursor = find(".sedt-cursor"), time = find(".sedt-time");
  const start = Number(root.dataset.start), duration = Number(root.dataset.duration);
  let place = 0, stopAt = null;

  const clock = (s) => {
    const minutes = Math.floor(s / 60), rest = (s % 60).toFixed(1).padStart(4, "0");
    return `${minutes}:${rest}`;
  };
  const draw = () => {
    cursor.style.left = `${(100 * Math.min(place, duration)) / duration}%`;
    time.textContent = `${clock(start + place)} / ${clock(start + duration)}`;
  };
  const follow = () => {
    const x = (place / duration) * stage.offsetWidth;
    if (x < scroll.scrollLeft || x > scroll.scrollLeft + scroll.clientWidth - 40) scroll.scrollLeft = x - 40;
  };
  const seek = (seconds) => {
    place = Math.max(0, Math.min(duration, seconds));
    if (audio) audio.currentTime = place;
    draw();
    follow();
  };
  const play = () => {
    if (!audio) return;
    document.querySelectorAll(".sedt-player audio").forEach((other) => other !== audio && other.pause());
    audio.play();
  };
  const tick = () => {
    if (audio.paused) return;
    place = audio.currentTime;
    if (stopAt !== null && place >= stopAt) {
      audio.pause();
      seek(stopAt);
      stopAt = null;
      return;
    }
    draw();
    follow();
    requestAnimationFrame(tick);
  };

  if (audio) {
    const show = () => {
      button.classList.toggle("is-playing", !audio.paused);
      button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    };
    audio.addEventListener("play", () => { show(); requestAnimationFrame(tick); });
    audio.addEventListener("pause", show);
    audio.addEventListener("ended", () => { show(); seek(0); });
    button.addEventListener("click", () => {
      stopAt = null;
      if (audio.paused) play(); else audio.pause();
    });
  }
  root.querySelectorAll(".sedt-event").forEach((event) => {
    const bands = root.querySelectorAll(".sedt-over");
    const near = (on) => bands.forEach((band) => band.classList.toggle("is-near", on && same(band, event)));
    const same = (band, box) => band.style.left === box.style.left && band.style.width === box.style.width;
    event.addEventListener("pointerenter", () => near(true));
    event.addEventListener("pointerleave", () => near(false));
    event.addEventListener("click", (click) => {
      click.stopPropagation();
      seek(Number(event.dataset.onset) - start);
      stopAt = Math.max(Number(event.dataset.offset) - start, place + 0.05);
      play();
    });
  });
  stage.addEventListener("click", (click) => {
    const box = stage.getBoundingClientRect();
    stopAt = null;
    seek(((click.clientX - box.left) / box.width) * duration);
  });
  draw();
}
