"use strict";

const http = require("http");

const port = Number(process.env.PORT || 8080);

function start(handler) {
  return http.createServer(handler).listen(port);
}

module.exports = { start };
