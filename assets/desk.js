// Runs once in each list of the pages Work, Review and Train, and in the columns beside the switches: a click on one of
// its buttons becomes an event of the list, with what the button says of itself (data-act and the like) and what is
// chosen in the list's own fields.
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button || button.disabled) return;
  const fields = [...element.querySelectorAll("select[data-field]")].map((field) => [field.dataset.field, field.value]);
  trigger("click", { ...Object.fromEntries(fields), ...button.dataset });
});
