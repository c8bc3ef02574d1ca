"use strict";

/** The number of things in the basket. */
function count(basket) {
  return Object.values(basket).reduce((sum, number) => sum + number, 0);
}

module.exports = { count };
