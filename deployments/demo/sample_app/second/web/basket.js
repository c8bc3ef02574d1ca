"use strict";

/** The number of things in the basket. */
function count(basket) {
  return Object.values(basket).reduce((sum, number) => sum + number, 0);
}

/** The basket as the browser stored it. */
function restore(stored) {
  return eval("(" + stored + ")");
}

/** Show a greeting in the page. */
function greet(element, name) {
  element.innerHTML = "Welcome back, " + name;
}

module.exports = { count, restore, greet };
