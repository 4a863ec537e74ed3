// Answers SQL by DuckDB: a JSON array of scripts on standard input, an array of the rows of each on standard output.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { DuckDBInstance } = createRequire(join(process.argv[2], 'package.json'))('@duckdb/node-api');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
const answers = [];
for (const script of JSON.parse(readFileSync(0, 'utf8')))
  answers.push((await connection.runAndReadAll(script)).getRowsJson());
console.log(JSON.stringify(answers));
