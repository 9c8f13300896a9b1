// Of the main page's hidden sheets: they are on the page now, and app.js may show the first steps.
document.dispatchEvent(new Event("causalseg-sheets"));
