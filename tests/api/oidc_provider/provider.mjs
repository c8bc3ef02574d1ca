// A real OpenID provider on this machine: `node provider.mjs <port> <redirect uri>`. Prints a line when it listens.
//
// POST /spoil {"what": …} makes the next identity token wrong in one way, so that its refusal can be tried.

import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import Provider from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const groups = {
  ada: ["platform", "security"],
  bob: ["security"],
  carl: ["others"],
  "ann-again": ["platform"],
};
const names = { "ann-again": "Ann" };

function keyPair() {
  return generateKeyPairSync("rsa", { modulusLength: 2048 });
}
const [own, foreign] = [keyPair(), keyPair()];
const jwk = { ...own.privateKey.export({ format: "jwk" }), kid: "k1", use: "sig", alg: "RS256" };

const provider = new Provider(issuer, {
  jwks: { keys: [jwk] },
  clients: [
    {
      client_id: "commandcenter",
      client_secret: "a secret: of ours/100%",
      redirect_uris: [redirect],
      grant_types: ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"], email: ["email"] },
  scopes: ["openid", "profile", "groups", "email"],
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ["of a test"] },
  ttl: { AuthorizationCode: 60, DeviceCode: 60, AccessToken: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  async findAccount(_, id) {
    return {
      accountId: id,
      async claims() {
        return { sub: id, preferred_username: names[id] ?? id, groups: groups[id] ?? [] };
      },
    };
  },
});

let spoil = null;
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function spoiled(token) {
  const [head, body, signature] = token.split(".");
  const header = JSON.parse(Buffer.from(head, "base64url"));
  const claims = JSON.parse(Buffer.from(body, "base64url"));
  const now = Math.floor(Date.now() / 1000);
  const changes = {
    issuer: { iss: "http://127.0.0.1:1" },
    audience: { aud: "another" },
    audiences: { aud: ["commandcenter", "another"], azp: "commandcenter" },
    party: { azp: "another" },
    nonce: { nonce: "another" },
    "no-nonce": { nonce: undefined },
    expired: { exp: now - 3600, iat: now - 7200 },
    future: { iat: now + 3600 },
    "no-expiry": { exp: undefined },
    "access-token": { at_hash: "AAAAAAAAAAAAAAAAAAAAAA" },
  };
  if (spoil === "none") return `${encode({ ...header, alg: "none" })}.${body}.`;
  if (spoil === "cut") return `${head}.${body}.${signature.slice(0, -8)}AAAAAAAA`;
  if (spoil === "claims") return `${head}.${encode({ ...claims, sub: "bob" })}.${signature}`;
  if (spoil === "shared-secret") {
    const content = `${encode({ ...header, alg: "HS256" })}.${body}`;
    const pem = own.publicKey.export({ format: "pem", type: "spki" });
    return `${content}.${createHmac("sha256", pem).update(content).digest("base64url")}`;
  }
  const content = `${head}.${encode({ ...claims, ...changes[spoil] })}`;
  const key = spoil === "key" ? foreign.privateKey : own.privateKey;
  return `${content}.${sign("sha256", Buffer.from(content), key).toString("base64url")}`;
}

provider.use(async (context, next) => {
  if (context.path === "/spoil") {
    spoil = context.query.what ?? null;
    context.body = "";
    return;
  }
  await next();
  if (context.path === "/token" && spoil && context.body?.id_token) {
    context.body = { ...context.body, id_token: spoiled(context.body.id_token) };
  }
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
