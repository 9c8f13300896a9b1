// Keys for people who correct many masks, the sheet that lists them, the first steps, and looking closer at a place.
// Keys press the page's own buttons, so a key can do nothing a click cannot.
() => {
  const KEEP_AFTER_MS = 700;
  const SIZE_STEP_PX = 2;
  const TOUR_SEEN = "causalseg-tour";
  const find = (selector) => document.querySelector(selector);
  const button = (label) => find(`#editor button[aria-label="${label}"]`);
  const isTyping = (target) => target.closest("textarea, select, [contenteditable], input:not([type=checkbox], [type=range])");
  const isCorrecting = () => find("#correct-tab-button[aria-selected=true]") !== null;

  // Drafts. The editor tells nobody that something was drawn, so whatever may have been a stroke is followed by a look.
  let keeping;
  const keepSoon = () => {
    if (!isCorrecting()) return;
    clearTimeout(keeping);
    keeping = setTimeout(() => find("#keep")?.click(), KEEP_AFTER_MS);
  };
  document.addEventListener("pointerup", keepSoon, true);
  // Whoever goes on drawing sees what is drawn.
  document.addEventListener("pointerdown", (event) => event.target.closest("#hide-drawn") || peek(false), true);

  // Brush and eraser size: the editor shows its slider only after a click on its own button.
  let isErasing = false;
  const resize = async (step) => {
    const slider = () => find("#editor input[type=range]");
    if (!slider()) button(isErasing ? "Eraser Size" : "Brush Size")?.click();
    await new Promise((resume) => requestAnimationFrame(() => requestAnimationFrame(resume)));
    if (!slider()) return;
    slider().value = Number(slider().value) + step;
    slider().dispatchEvent(new Event("input", { bubbles: true }));
  };

  // Looking closer.
  const look = (place) => {
    const stage = find("#stage");
    const isBack = !place || place.getAttribute("aria-pressed") === "true";
    document.querySelectorAll("#checks .check").forEach((one) => one.setAttribute("aria-pressed", "false"));
    stage?.classList.toggle("close", !isBack);
    if (isBack) return;
    place.setAttribute("aria-pressed", "true");
    stage.style.setProperty("--look-x", `${100 * place.dataset.x}%`);
    stage.style.setProperty("--look-y", `${100 * place.dataset.y}%`);
  };

  // In the editor the scan alone is laid over the canvas, for a layer that is hidden there would be saved as empty.
  const peek = (isWanted) => {
    const bare = find("#bare");
    const canvas = find("#editor canvas");
    const picture = bare?.querySelector("img");
    const isShown = Boolean(isWanted && picture && canvas);
    bare?.classList.toggle("shown", isShown);
    find("#hide-drawn")?.setAttribute("aria-pressed", String(isShown));
    if (!isShown) return;
    const [around, below] = [bare.offsetParent.getBoundingClientRect(), canvas.getBoundingClientRect()];
    bare.style.left = `${below.left - around.left}px`;
    bare.style.top = `${below.top - around.top}px`;
    bare.style.width = `${below.width}px`;
    bare.style.height = `${below.height}px`;
    const zoom = find("#editor")?.innerText.match(/(\d+)%/)?.[1] ?? 100;
    picture.style.width = `${(picture.naturalWidth * zoom) / 100}px`;
  };
  const isPeeking = () => find("#bare.shown") !== null;

  const hide = () => {
    if (isCorrecting()) return peek(!isPeeking());
    const isBare = find("#stage")?.classList.toggle("bare");
    find("#hide")?.setAttribute("aria-pressed", String(Boolean(isBare)));
  };

  // The scan without what is switched off, in place of the scan; where nothing is, the scan itself is seen.
  const enlarge = () => {
    const isLarge = find("#stage")?.classList.toggle("without");
    find("#large")?.setAttribute("aria-pressed", String(Boolean(isLarge)));
    if (!isLarge) return;
    find("#mask-tab-button[aria-selected=false]")?.click();
    find("#stage").scrollIntoView({ block: "nearest" });
  };

  // First steps, once a browser.
  const steps = () => [...document.querySelectorAll("#tour .step")];
  const point = (number) => {
    document.querySelectorAll(".pointed").forEach((one) => one.classList.remove("pointed"));
    steps().forEach((step, place) => (step.hidden = place !== number));
    find(steps()[number]?.dataset.shows ?? "#none")?.classList.add("pointed");
    if (number < steps().length) return;
    find("#tour").hidden = true;
    localStorage.setItem(TOUR_SEEN, "yes");
  };
  const tour = () => {
    if (!find("#tour") || localStorage.getItem(TOUR_SEEN)) return;
    find("#tour").hidden = false;
    point(0);
  };

  const actions = {
    help: () => find("#keys").showModal(),
    "keys-close": () => find("#keys").close(),
    hide,
    "hide-drawn": hide,
    large: enlarge,
    "tour-next": () => point(steps().findIndex((step) => !step.hidden) + 1),
    "tour-close": () => point(steps().length),
  };
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (!pressed) return;
    actions[pressed.id]?.();
    if (pressed.classList.contains("check")) look(pressed);
    if (pressed.closest("#editor")) isErasing = pressed.ariaLabel?.startsWith("Eras") ?? isErasing;
  });

  const plain = {
    b: () => button("Brush"),
    e: () => button("Erase"),
  };
  const withControl = {
    z: () => button("Undo"),
    y: () => button("Redo"),
    enter: () => find("#save"),
  };
  const turns = { arrowleft: -1, arrowup: -1, arrowright: 1, arrowdown: 1 };
  const turn = (event, step) => {
    const slider = find("#slices input[type=range]");
    const isAlongTabs = event.target.closest("[role=tab]") && /Left|Right/.test(event.key);
    if (!slider || isAlongTabs || event.target.closest("[role=option], input[type=range]")) return;
    event.preventDefault();
    slider.value = Number(slider.value) + step;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const press = (event, target) => {
    if (!target) return;
    event.preventDefault();
    target.click();
    keepSoon();
  };

  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const hasControl = event.ctrlKey || event.metaKey;
    if (event.altKey || find("#keys")?.open || (isTyping(event.target) && key !== "enter")) return;
    if (key === "h" && !hasControl) {
      hide();
    } else if (key === "c" && !hasControl) {
      press(event, find("#correct"));
    } else if (isCorrecting()) {
      const tool = (hasControl ? withControl : plain)[key]?.();
      if (tool) peek(false);
      press(event, tool);
      if (key === "[" || key === "]") resize(key === "[" ? -SIZE_STEP_PX : SIZE_STEP_PX);
    } else if (key in turns && !hasControl) {
      turn(event, turns[key]);
    }
    if (key === "escape") look(null);
    if (key === "w" && !hasControl && find("#without img")) press(event, find("#large"));
    if (key === "?") press(event, find("#help"));
    if (!hasControl && /^[1-9]$/.test(key)) {
      press(event, document.querySelectorAll("#present input[type=checkbox]")[Number(key) - 1]);
    }
  });

  // The main page's sheets tell when they are there, which may have been before this.
  document.addEventListener("causalseg-sheets", tour);
  tour();
}
