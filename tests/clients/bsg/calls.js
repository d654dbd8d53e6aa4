// Hands calls from standard input to the client of `bsg-nodejs`; test_bsg_client.py runs it.
// Arguments: the folder in which the client is installed, the sandbox's address, the key.
"use strict";

const dns = require("node:dns");
const { createRequire } = require("node:module");
const path = require("node:path");
const readline = require("node:readline");

const [folder, origin, key] = process.argv.slice(2);
const HARD_CODED = "https://app.bsg.hk";

// Only addresses can be reached from here on, and the only one that is used below is the sandbox's.
dns.lookup = (host) => {
  throw new Error(`this test may only talk to this machine; nobody may be asked for ${host}`);
};

const load = createRequire(path.join(folder, "here.js"));
const place = createRequire(load.resolve("bsg-nodejs")).resolve("request");
const request = load(place);
require.cache[place].exports = (options, done) => {
  if (!options.url.startsWith(`${HARD_CODED}/`)) throw new Error(`unexpected address ${options.url}`);
  request({ ...options, url: origin + options.url.slice(HARD_CODED.length) }, done);
};
const client = load("bsg-nodejs")(key);

async function answer(method, parameters) {
  try {
    return { returned: await client[method](...parameters) };
  } catch (error) {
    return { raised: String(error) };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [method, ...parameters] = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await answer(method, parameters))}\n`);
  }
})();
