// Players: each draws its panes from sprite sheets (a column a frame, a row a slice). Galleries: sorted and filtered.
"use strict";
(() => {
  const BEAT_MS = 1000;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const setUp = (player) => {
    const images = new Map([...player.querySelectorAll("img[data-name]")].map((img) => [img.dataset.name, img]));
    const panes = [...player.querySelectorAll(".pane")].map((pane) => ({
      context: pane.querySelector("canvas").getContext("2d"),
      image: images.get(pane.dataset.image),
      mask: images.get(pane.dataset.mask),
      frames: Number(pane.dataset.frames),
      width: Number(pane.dataset.width),
      height: Number(pane.dataset.height),
      labelled: new Set(pane.dataset.labelled.split(",").filter(Boolean).map(Number)),
      masked: "masked" in pane.dataset,
    }));
    const button = player.querySelector(".play");
    const slider = player.querySelector(".frame");
    const output = player.querySelector("output");
    const slices = player.querySelector(".slice");
    const masks = player.querySelector(".masks");
    const total = Number(slider.max) + 1;
    let frame = 0;
    let playing = false;
    let visible = true;
    let last = 0;

    const draw = () => {
      const row = slices ? Number(slices.value) : 0;
      for (const pane of panes) {
        const { context, width, height } = pane;
        // Cines of unlike length beat together: by part of the cycle, not by frame number.
        const own = Math.floor((frame / total) * pane.frames);
        const rows = pane.image.naturalHeight / height;
        const source = [own * width, Math.min(row, rows - 1) * height, width, height];
        const target = [0, 0, context.canvas.width, context.canvas.height];
        context.clearRect(...target);
        context.imageSmoothingQuality = "high";
        context.globalAlpha = 1;
        context.drawImage(pane.image, ...source, ...target);
        if ((pane.masked || masks.checked) && pane.labelled.has(own)) {
          context.globalAlpha = 0.5;
          context.drawImage(pane.mask, ...source, ...target);
        }
      }
      slider.value = frame;
      output.textContent = `${frame + 1} of ${total}`;
    };
    const tick = (now) => {
      if (!playing || !visible) return;
      if (now - last >= BEAT_MS / total) {
        last = now;
        frame = (frame + 1) % total;
        draw();
      }
      requestAnimationFrame(tick);
    };
    const play = (on) => {
      playing = on;
      button.textContent = on ? "Pause" : "Play";
      button.setAttribute("aria-pressed", String(on));
      if (on) requestAnimationFrame(tick);
    };

    button.addEventListener("click", () => play(!playing));
    slider.addEventListener("input", () => {
      play(false);
      frame = Number(slider.value);
      draw();
    });
    slices?.addEventListener("change", draw);
    masks.addEventListener("change", draw);
    still.addEventListener("change", () => still.matches && play(false));
    // Off screen nothing moves: a page of players must not warm a phone.
    new IntersectionObserver(([entry]) => {
      const appeared = entry.isIntersecting && !visible;
      visible = entry.isIntersecting;
      if (appeared && playing) requestAnimationFrame(tick);
    }).observe(player);

    Promise.all([...images.values()].map((img) => img.decode())).then(() => {
      draw();
      player.dataset.ready = "";
      if (!still.matches) play(true);
    });
  };

  // Pictures of subjects: in the order of a measure, what was not measured last; those that a filter leaves out are hidden.
  const arrange = (gallery) => {
    const list = gallery.querySelector(".thumbs");
    const cards = [...list.children].map((element) => ({
      element,
      values: element.dataset.values.split(",").map((text) => (text === "" ? NaN : Number(text))),
    }));
    const sort = gallery.querySelector(".sort");
    const best = gallery.querySelector(".best");
    const filters = [...gallery.querySelectorAll("[data-filter]")];
    const output = gallery.querySelector("output");
    const update = () => {
      const measure = sort.selectedIndex;
      const sign = (sort.selectedOptions[0].dataset.worst === "high" ? -1 : 1) * (best.checked ? -1 : 1);
      const place = (card) => (Number.isNaN(card.values[measure]) ? Infinity : sign * card.values[measure]);
      const order = [...cards].sort((one, two) => (place(one) === place(two) ? 0 : place(one) - place(two)));
      let shown = 0;
      for (const { element } of order) {
        element.hidden = filters.some(({ value, dataset }) => value && value !== element.dataset[dataset.filter]);
        shown += !element.hidden;
      }
      list.replaceChildren(...order.map(({ element }) => element));
      list.scrollTop = 0;
      output.textContent = `${shown} shown`;
    };
    for (const control of [sort, best, ...filters]) control.addEventListener("change", update);
    update();
  };

  document.querySelectorAll(".player").forEach(setUp);
  document.querySelectorAll(".gallery").forEach(arrange);
  // Paper cannot unfold anything.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((entry) => (entry.open = true)));
})();
