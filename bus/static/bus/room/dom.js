/** Makes elements; text stays text. */

/** An element with properties and children; strings among them become text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A button that does one thing. */
export function button(label, onclick, className = "quiet") {
  return make("button", { type: "button", className, onclick }, label);
}
