// Waits for the editor. Given a mask before it is ready, it loads it twice and takes up the brush by itself in the end,
// whatever the person did in between. With its tools on the page it is ready.
async (...values) => {
  const LONGEST_WAIT_MS = 60_000;
  const TAB_OPENS_MS = 1_000;
  const STEP_MS = 20;
  const started = performance.now();
  const isReady = () => document.querySelector('#editor button[aria-label="Brush"]') !== null;
  const isOpen = () => document.querySelector("#correct-tab-button[aria-selected=true]") !== null;
  const isWorthWaiting = (waited) => waited < TAB_OPENS_MS || (isOpen() && waited < LONGEST_WAIT_MS);
  while (!isReady() && isWorthWaiting(performance.now() - started)) {
    await new Promise((resume) => setTimeout(resume, STEP_MS));
  }
  return values;
}
