// Runs once in each HTML panel with buttons: a click on one of them becomes an event of the panel, with what the button
// says of itself (data-act and the like) and what is chosen in the panel's own fields.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button || button.disabled) return;
  const fields = [...element.querySelectorAll("select[data-field]")].map((field) => [field.dataset.field, field.value]);
  trigger("click", { ...Object.fromEntries(fields), ...button.dataset });
});
