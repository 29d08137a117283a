// Pictures with boxes, names and masks over them. All text becomes text nodes: nothing of a dataset is ever markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A sample or what a pipeline made of it, `width` pixels of the screen wide.
//   look.all: also the names of boxes that are much smaller than their names.
//   sample: width, height, boxes, ignored, polygons; image: its address; masks: the address of a picture of masks.
export function picture(sample, image, masks, width, look = { all: true }) {
  const scale = width / sample.width;
  const frame = element("div", { class: "picture" });
  frame.style.width = `${width}px`;
  frame.style.height = `${Math.max(1, Math.round(sample.height * scale))}px`;
  const shown = element("img", { alt: "", loading: "lazy", src: image });
  shown.addEventListener("error", () => explain(frame, image));
  frame.append(shown);
  if (masks) frame.append(element("img", { class: "mask", alt: "", src: masks }));
  frame.append(overlay(sample, scale, look));
  return frame;
}

// The server says in words why there is no image.
async function explain(frame, image) {
  let text = "The browser cannot show this image.";
  try {
    const answer = await fetch(image);
    if (!answer.ok) text = (await answer.json()).error;
  } catch { /* the text above says enough */ }
  frame.append(element("div", { class: "error" }, text));
}

function overlay(sample, scale, look) {
  const svg = shape("svg", {});
  for (const polygon of sample.polygons || []) {
    const points = polygon.points.map(([x, y]) => `${x * scale},${y * scale}`).join(" ");
    svg.append(shape("polygon", {
      class: "mask", points, fill: polygon.colour, "fill-opacity": 0.4, "fill-rule": "evenodd", stroke: "none",
    }));
  }
  for (const each of sample.ignored || []) svg.append(box(each, scale, { stroke: "#999", "stroke-dasharray": "5 4" }));
  for (const each of sample.boxes || []) svg.append(box(each, scale, { stroke: each.colour }));
  const width = sample.width * scale;
  for (const each of sample.boxes || []) {
    if (each.name && (look.all || each.box[2] * scale > 0.6 * lengthOf(each.name))) svg.append(name(each, scale, width));
  }
  return svg;
}

function box(each, scale, look) {
  const [left, top, width, height] = each.box.map((value) => value * scale);
  return shape("rect", {
    class: "box", x: left, y: top, width: Math.max(0, width), height: Math.max(0, height), fill: "none",
    "stroke-width": 2, ...look,
  });
}

const shortened = (text) => (text.length > 40 ? `${text.slice(0, 39)}\u2026` : text);
const lengthOf = (text) => shortened(text).length * 6.6 + 6;

function name(each, scale, room) {
  const text = shortened(each.name);
  const length = lengthOf(each.name);
  const left = Math.max(0, Math.min(each.box[0] * scale, room - length));
  const top = Math.max(0, each.box[1] * scale);
  const group = shape("g", { class: "name box" });
  group.append(shape("rect", { x: left, y: top, width: length, height: 15, fill: each.colour }));
  group.append(shape("text", {
    x: left + 3, y: top + 11.5, "font-size": 11, "font-family": "ui-monospace, DejaVu Sans Mono, monospace",
    textLength: length - 6, lengthAdjust: "spacingAndGlyphs", fill: "#000",
  }, text));
  return group;
}
