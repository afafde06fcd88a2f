// Compares a file with a JSON schema: `node schema.mjs SCHEMA FILE` prints what is wrong as JSON, `[]` when nothing is.

import { readFileSync } from "node:fs";

import Ajv from "ajv";

const [schema, file] = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, "utf8")));
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
console.log(JSON.stringify(validate(file) ? [] : validate.errors.map(({ instancePath, message }) => `${instancePath} ${message}`)));
