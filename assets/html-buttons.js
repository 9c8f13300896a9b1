// Of an HTML panel: a click on one of its buttons is an event that carries the button's `data-id`.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-id]");
  if (button) trigger("click", { id: button.dataset.id });
});
