// Serves a built site as a host does, compressed and with the headers of `headers.json`, has Lighthouse load one page of
// it, and prints what it measured as JSON: `node lighthouse.mjs PUBLIC PORT PATH`. It does not judge.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const [folder, port, path] = process.argv.slice(2);
const types = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain", ".js": "text/javascript" };
const rules = JSON.parse(readFileSync(join(folder, "headers.json"), "utf8")).rules;
const applies = (rule, at) => rule.path === at || (rule.path.endsWith("*") && at.startsWith(rule.path.slice(0, -1)));

const server = createServer((request, response) => {
  const at = decodeURI(new URL(request.url, "http://localhost").pathname);
  const file = at.endsWith("/") ? `${at}index.html` : at;
  for (const rule of rules.filter((rule) => applies(rule, at))) {
    for (const [name, value] of Object.entries(rule.headers)) response.setHeader(name, value);
  }
  let status = 200;
  let body;
  try {
    body = readFileSync(join(folder, file));
  } catch {
    [status, body] = [404, Buffer.from("")];
  }
  response.writeHead(status, { "Content-Type": types[extname(file)] ?? "application/octet-stream", "Content-Encoding": "gzip" });
  response.end(gzipSync(body));
});
await new Promise((ready) => server.listen(Number(port), "localhost", ready));

const chrome = await launch({ chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
// What is kept out of search engines on purpose is not held against the page.
const skipAudits = process.argv[5] === "unlisted" ? ["is-crawlable"] : [];
const { lhr } = await lighthouse(`http://localhost:${port}${path}`, { port: chrome.port, logLevel: "silent", skipAudits });
await chrome.kill();
server.close();
server.closeAllConnections();

const requests = lhr.audits["network-requests"].details.items;
const weighed = Object.values(lhr.categories).flatMap(({ auditRefs }) => auditRefs.filter((ref) => ref.weight > 0));
const short = [...new Set(weighed.map((ref) => ref.id))].filter((id) => lhr.audits[id].score !== null && lhr.audits[id].score < 1);
console.log(
  JSON.stringify({
    scores: Object.fromEntries(Object.entries(lhr.categories).map(([name, { score }]) => [name, Math.round(score * 100)])),
    short,
    shift: lhr.audits["cumulative-layout-shift"].numericValue,
    bytes: requests.reduce((sum, request) => sum + request.transferSize, 0),
    requests: requests.map((request) => request.url),
    error: lhr.runtimeError?.message ?? null,
  }),
);
