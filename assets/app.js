// Keys for people who correct many masks. They press the page's own buttons, so a key can do nothing a click cannot.
() => {
  const button = (label) => document.querySelector(`#editor button[aria-label="${label}"]`);
  const isTyping = (target) => target.closest("textarea, select, [contenteditable], input:not([type=checkbox], [type=range])");
  const isCorrecting = () => document.querySelector("#correct-tab-button[aria-selected=true]") !== null;

  const plain = {
    b: () => button("Brush"),
    e: () => button("Erase"),
  };
  const withControl = {
    z: () => button("Undo"),
    y: () => button("Redo"),
    enter: () => document.querySelector("#save"),
  };

  const steps = { arrowleft: -1, arrowup: -1, arrowright: 1, arrowdown: 1 };
  const turn = (event, step) => {
    const slider = document.querySelector("#slices input[type=range]");
    if (!slider || event.target.closest("[role=option], input[type=range]")) return;
    event.preventDefault();
    slider.value = Number(slider.value) + step;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const press = (event, target) => {
    if (!target) return;
    event.preventDefault();
    target.click();
  };

  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const hasControl = event.ctrlKey || event.metaKey;
    if (event.altKey || (isTyping(event.target) && key !== "enter")) return;
    if (isCorrecting()) {
      press(event, (hasControl ? withControl : plain)[key]?.());
    } else if (key in steps && !hasControl) {
      turn(event, steps[key]);
    } else if (key === "h" && !hasControl) {
      document.querySelector("#stage")?.classList.toggle("bare");
    }
    if (!hasControl && /^[1-9]$/.test(key)) {
      press(event, document.querySelectorAll("#present input[type=checkbox]")[Number(key) - 1]);
    }
  });
}
