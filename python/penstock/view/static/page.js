// The page: a grid of samples, a filter, one sample large. What it shows stands in the address behind "#".

import { element, picture } from "./drawing.js";

const COUNT = 24;
const at = (id) => document.getElementById(id);
const state = { first: "", last: "", label: "", offset: 0, sample: null, epoch: 0, size: 200 };
let dataset = null;
let shown = [];
let total = 0;
let asked = 0;

async function ask(place, options) {
  const answer = await fetch(place, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of ["first", "last", "label"]) state[key] = given.get(key) ?? "";
  for (const key of ["offset", "epoch"]) state[key] = Math.max(0, Number(given.get(key)) || 0);
  state.size = Math.min(520, Math.max(120, Number(given.get("size")) || 200));
  const sample = given.get("sample");
  state.sample = sample === null || sample === "" ? null : Number(sample);
}

function writeAddress() {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    const usual = { offset: 0, epoch: 0, size: 200, sample: null }[key] ?? "";
    if (value !== usual && value !== null) given.set(key, value);
  }
  history.replaceState(null, "", `#${given}`);
}

async function showGrid() {
  const number = ++asked;
  const query = new URLSearchParams({ ...filter(), offset: state.offset, count: COUNT });
  let found;
  try {
    found = await ask(`api/samples?${query}`);
  } catch (error) {
    at("grid").replaceChildren(element("p", { class: "error-text" }, error.message));
    return;
  }
  // A later question may have been answered first.
  if (number !== asked) return;
  shown = found.samples;
  total = found.total;
  const tiles = shown.map(tile);
  at("grid").replaceChildren(...(tiles.length ? tiles : [element("p", { class: "empty" }, "No sample fits.")]));
  const end = state.offset + shown.length;
  at("range").textContent = total ? `${state.offset + 1} to ${end} of ${total.toLocaleString("en")}` : "";
  at("back").disabled = state.offset === 0;
  at("next").disabled = end >= total;
}

function filter() {
  return { first: state.first, last: state.last, label: state.label };
}

function tile(sample) {
  const high = state.size;
  const ratio = sample.width && sample.height ? sample.width / sample.height : 1.5;
  // Rows of one height; what is very long or very thin gets its width.
  const width = Math.round(Math.min(high * ratio, high * 3));
  const card = element("figure", {
    class: sample.error || sample.bad.length ? "tile wrong" : "tile", tabIndex: 0,
    onclick: () => open(sample.index),
    onkeydown: (event) => event.key === "Enter" && open(sample.index),
  });
  card.style.margin = "0";
  card.style.width = `${Math.max(width, 90) + 2}px`;
  card.append(sample.error ? broken(sample, width) : drawn(sample, width, { all: false }));
  const names = (sample.boxes?.length ? sample.boxes : sample.image_labels || []).map((each) => each.name);
  card.append(element("figcaption", {}, element("span", {}, `#${sample.index}`),
    element("span", { class: "names", title: counted(names) }, counted(names))));
  card.querySelector("figcaption").classList.add("caption");
  for (const text of sample.bad) card.append(element("div", { class: "error" }, text));
  return card;
}

// "dog, person 3": each name with how often it is there.
function counted(names) {
  const counts = new Map();
  for (const name of names) if (name) counts.set(name, (counts.get(name) || 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${name} ${count}` : name)).join(", ");
}

function drawn(sample, width, look) {
  const masks = sample.masks ? `masks?index=${sample.index}` : null;
  if (!sample.width || !sample.height) return broken({ error: "This image has no pixels." }, width);
  return picture(sample, `image?index=${sample.index}`, masks, width, look);
}

function broken(sample, width) {
  const frame = element("div", { class: "picture" }, element("div", { class: "error" }, sample.error));
  frame.style.width = `${width}px`;
  frame.style.height = `${Math.round(width * 0.66)}px`;
  return frame;
}

async function open(index) {
  state.sample = index;
  writeAddress();
  if (!at("one").open) {
    at("one").showModal();
    at("one").focus();
  }
  at("one-title").textContent = `sample ${index}`;
  at("one-back").disabled = index <= 0;
  at("one-next").disabled = index + 1 >= dataset.samples;
  at("fed").hidden = !dataset.pipeline;
  let sample;
  try {
    sample = await ask(`api/sample?index=${index}`);
  } catch (error) {
    sample = { index, error: error.message, values: [] };
  }
  if (state.sample !== index) return;
  const names = counted([...(sample.boxes || []), ...(sample.image_labels || [])].map((each) => each.name));
  const size = sample.error ? "" : `, ${sample.width} x ${sample.height}`;
  at("one-title").textContent = `sample ${index}${size}${names ? `: ${names}` : ""}`;
  at("one-picture").replaceChildren(
    ...(sample.bad || []).map((text) => element("p", { class: "error-text" }, text)),
    sample.error ? broken(sample, 480) : drawn(sample, fitting(sample)));
  at("values").replaceChildren(...sample.values.map(valueRow));
  if (dataset.pipeline) await showFed(index);
}

// As wide as there is room for, and as high as the window allows.
function fitting(sample) {
  const room = at("pictures").clientWidth - 34;
  const high = at("pictures").clientHeight * (dataset.pipeline ? 0.62 : 1) - 34;
  return Math.max(80, Math.min(room, sample.width * (high / sample.height), sample.width * 4));
}

function valueRow(value) {
  const shape = value.shape ? ` (${value.shape.join(", ")})` : "";
  const cell = element("td", {}, element("div", { class: "tensor" }, value.tensor),
    element("div", { class: "type" }, value.htype + shape));
  if (value.error) cell.append(element("div", { class: "error" }, value.error));
  else if (value.text) cell.append(element("div", {}, value.text));
  return element("tr", {}, cell);
}

async function showFed(index) {
  at("fed-name").textContent = dataset.pipeline;
  at("epoch").value = state.epoch;
  const place = at("fed-pictures");
  place.replaceChildren(element("p", { class: "notes" }, "The pipeline runs \u2026"));
  const epoch = state.epoch;
  try {
    const made = await ask(`api/fed?index=${index}&epoch=${epoch}`);
    if (state.sample !== index || state.epoch !== epoch) return;
    place.replaceChildren(...made.views.flatMap((view) => [
      picture(view, view.image, view.masks, fitting(view)),
      element("div", { class: "notes" }, `${view.width} x ${view.height}; ` +
        Object.entries(view.notes).map(([name, value]) => `${name}: ${value}`).join("; ")),
    ]));
  } catch (error) {
    place.replaceChildren(element("p", { class: "error-text" }, error.message));
  }
}

function close() {
  state.sample = null;
  writeAddress();
  if (at("one").open) at("one").close();
}

function step(by) {
  const index = state.sample + by;
  if (state.sample !== null && index >= 0 && index < dataset.samples) open(index);
}

function showBad(count) {
  const select = at("label");
  select.querySelector('option[value="bad"]')?.remove();
  if (count) {
    select.disabled = false;
    select.append(element("option", { value: "bad" }, `bad samples (${count.toLocaleString("en")})`));
  }
  select.value = state.label;
}

async function showClasses() {
  const select = at("label");
  const options = (rows) => select.replaceChildren(element("option", { value: "" }, "all"), ...rows);
  options(dataset.classes.map((name, label) => element("option", { value: String(label) }, name)));
  select.value = state.label;
  if (!dataset.labels) {
    select.disabled = true;
    return;
  }
  const { classes, without } = await ask("api/classes");
  options([
    ...classes.map((row) => element("option", { value: String(row.label) },
      `${row.name} (${row.objects.toLocaleString("en")} in ${row.samples.toLocaleString("en")})`)),
    element("option", { value: "none" }, `none (${without.toLocaleString("en")})`),
  ]);
  select.value = state.label;
}

async function watchCheck(begun) {
  let check = begun;
  const place = at("bad");
  place.hidden = false;
  at("check").disabled = true;
  while (check.state === "running") {
    const share = check.total ? ` ${Math.floor((100 * check.done) / check.total)} %` : "";
    place.replaceChildren(`Checking all samples \u2026${share}`);
    await new Promise((done) => setTimeout(done, 300));
    check = await ask("api/check");
  }
  const bad = check.findings;
  showBad(bad.reduce((sum, finding) => sum + (finding.index === null ? 0 : finding.last_index - finding.index + 1), 0));
  if (bad.length) showGrid();
  place.classList.toggle("wrong", bad.length > 0 || check.state === "failed");
  if (check.state === "failed") place.replaceChildren(element("span", { class: "error-text" }, check.error));
  else if (!bad.length) place.replaceChildren(`All ${check.total.toLocaleString("en")} values were read and decoded: all well.`);
  else {
    place.replaceChildren(element("strong", {}, `${bad.length} ${bad.length === 1 ? "finding" : "findings"}`),
      element("ul", {}, ...bad.slice(0, 500).map((finding) => {
        if (finding.index === null) return element("li", {}, finding.text);
        return element("li", {}, element("a", { onclick: () => open(finding.index) }, "show"),
          ` ${finding.text}`);
      })));
  }
}

function refresh() {
  writeAddress();
  showGrid();
}

function bind() {
  for (const key of ["first", "last", "label"]) {
    at(key).addEventListener("change", () => {
      state[key] = at(key).value;
      state.offset = 0;
      refresh();
    });
  }
  at("filter").addEventListener("submit", (event) => event.preventDefault());
  at("size").addEventListener("input", () => {
    state.size = Number(at("size").value);
    writeAddress();
    at("grid").replaceChildren(...shown.map(tile));
  });
  for (const what of ["boxes", "names", "masks"]) {
    at(`with-${what}`).addEventListener("change", () => {
      document.body.classList.toggle(`no-${what}`, !at(`with-${what}`).checked);
    });
  }
  at("back").addEventListener("click", () => { state.offset = Math.max(0, state.offset - COUNT); refresh(); scrollTo(0, 0); });
  at("next").addEventListener("click", () => { state.offset += COUNT; refresh(); scrollTo(0, 0); });
  at("one-back").addEventListener("click", () => step(-1));
  at("one-next").addEventListener("click", () => step(1));
  at("one-close").addEventListener("click", close);
  at("one").addEventListener("close", close);
  at("epoch").addEventListener("change", () => {
    state.epoch = Math.max(0, Number(at("epoch").value) || 0);
    writeAddress();
    showFed(state.sample);
  });
  at("check").addEventListener("click", async () => watchCheck(await ask("api/check", { method: "POST" })));
  document.addEventListener("keydown", (event) => {
    if (state.sample === null || event.target.tagName === "INPUT") return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  window.addEventListener("hashchange", begin);
}

async function begin() {
  readAddress();
  for (const key of ["first", "last", "size"]) at(key).value = state[key];
  at("label").value = state.label;
  await showGrid();
  if (state.sample !== null) await open(state.sample);
}

async function start() {
  dataset = await ask("api/dataset");
  document.title = `${dataset.path.split("/").pop()} - penstock view`;
  at("path").textContent = dataset.path;
  at("facts").textContent = [
    `${dataset.samples.toLocaleString("en")} samples`,
    `branch ${dataset.branch}`,
    dataset.view ? `view ${dataset.view}` : "",
    `tensors: ${dataset.tensors.map((tensor) => tensor.name).join(", ")}`,
  ].filter(Boolean).join(" \u00b7 ");
  bind();
  readAddress();
  const classes = showClasses().catch((error) => { at("label").title = error.message; });
  await begin();
  await classes;
  const check = await ask("api/check");
  if (check.state !== "idle") await watchCheck(check);
}

start().catch((error) => at("grid").replaceChildren(element("p", { class: "error-text" }, error.message)));
