"use strict";

const { exec } = require("child_process");
const crypto = require("crypto");
const http = require("http");

const port = Number(process.env.PORT || 8080);
const sessionSecret = "corner-shop-session-42";

function start(handler) {
  return http.createServer(handler).listen(port);
}

/** A session's signature. */
function sign(session) {
  return crypto.createHash("md5").update(session + sessionSecret).digest("hex");
}

/** Make a small picture of an article. */
function thumbnail(file, done) {
  exec("convert " + file + " -resize 100x100 thumbs/" + file, done);
}

module.exports = { sign, start, thumbnail };
