// Judges GS1 element strings and Digital Link URIs as BWIPP does, whose author also wrote the GS1
// reference engine: a string in brackets or a URI per line of standard input, a line out for each:
// "ok" or what is wrong.
// bwip-js shows none of this without drawing a symbol, so its checks are called from within.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const require = createRequire(`${process.cwd()}/`);
const file = require.resolve('bwip-js/node').replace(/\.mjs$/, '.js');
const hook = `
module.exports = function (text, kind) {
    $k = [text, kind];
    $j = 2;
    $_ = { parse: true, dontlint: false, lintreqs: true };
    bwipp_gs1process();
};`;
const unit = { exports: {} };
new Function('module', 'exports', 'require', '__dirname', '__filename', readFileSync(file, 'utf8') + hook)(
  unit, unit.exports, createRequire(file), dirname(file), file);

const judge = (line) => {
  try {
    if (line.startsWith('(')) {
      // Brackets in data are escaped as ours, and as character codes in theirs.
      unit.exports(line.replace(/\^/g, '^094').replace(/\\\(/g, '^040'), 'ai');
    } else {
      unit.exports(line, 'dl');
    }
    return 'ok';
  } catch (error) {
    return String(error.message ?? error).replaceAll('\n', ' ');
  }
};
const lines = readFileSync(0, 'utf8').split('\n');
lines.pop();
process.stdout.write(lines.map((line) => `${judge(line)}\n`).join(''));
