// The cards of the tab Browse, in gr.HTML's `js_on_load`: `element` is their component, `server` calls Python,
// `watch` tells of new cards. Listeners are on the component, since Gradio changes its content in place.

const buttons = () => [...element.querySelectorAll("button.pair")];
const rowOf = (button) => Number(button.dataset.row);
const elsewhere = (id) => document.querySelector(`#${id}`);
let openNext = null; // after a turn of the page: whether the dialog goes on with its first or its last pair
let asked = 0; // which dialog content or page was asked for last; an answer that comes too late is dropped
let page = 0;

const dialog = document.createElement("dialog");
dialog.id = "pair";
dialog.setAttribute("aria-labelledby", "pair-title");
dialog.innerHTML = `<div class="bar"><button type="button" data-step="-1">Previous</button>
  <button type="button" data-step="1">Next</button><button type="button" data-close>Close</button></div>
  <div class="content"></div>`;
element.closest(".gradio-container").append(dialog);

async function fillCosines() {
  const own = ++page;
  const there = buttons();
  if (!there.length) return;
  const found = await server.similarities(there.map(rowOf));
  if (own !== page) return;
  there.forEach((button, at) => {
    const cosine = found.error ? null : found.answer[at];
    button.querySelector(".cosine").textContent = cosine === null ? "unknown" : cosine.toFixed(3);
    if (found.error) button.querySelector(".cosine").title = found.error;
  });
  showCosine();
}

function showCosine() {
  const button = element.querySelector(`button.pair[data-row="${dialog.dataset.row}"]`);
  const place = dialog.querySelector(".cosine");
  if (button && place) place.textContent = button.querySelector(".cosine").textContent;
}

async function open(button) {
  const own = ++asked;
  dialog.dataset.row = rowOf(button);
  const found = await server.pair(rowOf(button));
  if (own !== asked) return;
  const content = dialog.querySelector(".content");
  if (found.error) {
    content.innerHTML = '<h2 id="pair-title" tabindex="-1">Not possible</h2><p role="alert"></p>';
    content.querySelector("p").textContent = found.error;
  } else content.innerHTML = found.answer;
  showCosine();
  const at = buttons().indexOf(button);
  dialog.querySelector('[data-step="-1"]').disabled = at === 0 && elsewhere("previous").disabled;
  dialog.querySelector('[data-step="1"]').disabled = at === buttons().length - 1 && elsewhere("next").disabled;
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  content.querySelector("h2").focus();
}

// The neighbour of a card: opened when the dialog is open, else focused. Past the last one the page is turned.
function move(step, from) {
  const all = buttons();
  const next = all[all.findIndex((button) => rowOf(button) === from) + step];
  if (next) {
    if (dialog.open) open(next);
    else next.focus();
  } else {
    const turn = elsewhere(step > 0 ? "next" : "previous");
    if (turn.disabled) return;
    openNext = step > 0 ? "first" : "last";
    turn.click();
  }
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button.pair");
  if (button) open(button);
});
const steps = { ArrowLeft: -1, ArrowRight: 1 };
element.addEventListener("keydown", (event) => {
  const button = event.target.closest("button.pair");
  if (!button || !(event.key in steps)) return;
  event.preventDefault();
  move(steps[event.key], rowOf(button));
});
dialog.addEventListener("keydown", (event) => {
  if (!(event.key in steps) || event.target.closest("pre")) return;
  event.preventDefault();
  move(steps[event.key], Number(dialog.dataset.row));
});
dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (event.target === dialog || button?.hasAttribute("data-close")) dialog.close();
  else if (button) move(Number(button.dataset.step), Number(dialog.dataset.row));
});
dialog.addEventListener("close", () => {
  asked++;
  element.querySelector(`button.pair[data-row="${dialog.dataset.row}"]`)?.focus();
});

watch("value", () => {
  const all = buttons();
  if (openNext && all.length) {
    const next = all[openNext === "first" ? 0 : all.length - 1];
    openNext = null;
    if (dialog.open) open(next);
    else next.focus();
  }
  fillCosines();
});
fillCosines();
