// Reads a repository as the host (Netlify) does, with the host's own parsers, and prints what it understood as JSON:
// `node host.mjs FOLDER`, a folder with `public/` and perhaps `netlify.toml`. It does not judge.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

import { resolveConfig } from "@netlify/config";
import { parseAllHeaders } from "@netlify/headers-parser";
import { parseAllRedirects } from "@netlify/redirect-parser";

const folder = resolve(process.argv[2]);
const published = (name) => join(folder, "public", name);
const configuration = join(folder, "netlify.toml");

const { headers, errors: headerErrors } = await parseAllHeaders({ headersFiles: [published("_headers")], minimal: false });
const { redirects, errors: redirectErrors } = await parseAllRedirects({
  redirectsFiles: [published("_redirects")],
  minimal: false,
});
const errors = [...headerErrors, ...redirectErrors].map((error) => error.message);

let build = null;
let proxied = [];
if (existsSync(configuration)) {
  const { config } = await resolveConfig({ repositoryRoot: folder, cwd: folder, offline: true, mode: "cli", branch: "main" });
  build = config.build;
  const parsed = await parseAllRedirects({ netlifyConfigPath: configuration, minimal: false });
  proxied = parsed.redirects;
  errors.push(...parsed.errors.map((error) => error.message));
}
console.log(JSON.stringify({ headers, redirects, build, proxied, errors }));
