// Runs once in each list of the pages Work, Review and Train: a click on one of its buttons becomes an event of the
// list, with what the button says of itself (data-act and the like).
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button && !button.disabled) trigger("click", { ...button.dataset });
});
