import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';

import { plain } from '../logs/ansi';
import { visible } from '../logs/visible';

const SOURCE = join(__dirname, '..');

/** What would make markup or code out of text. */
const SINKS =
  /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|createContextualFragment|DOMParser|\beval\(|new Function\(|javascript:/;

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name === '__tests__' ? [] : files(path);
    }
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

it('makes neither markup nor code out of text anywhere', () => {
  const all = files(SOURCE);
  expect(all.length).toBeGreaterThan(50);
  const found = all.filter(path => SINKS.test(readFileSync(path, 'utf-8')));
  expect(found).toEqual([]);
  expect(SINKS.test('node.innerHTML = text')).toBe(true);
});

const HOSTILE = Array.from({ length: 0x2070 }, (_, code) =>
  String.fromCharCode(code)
).join('');
/** Nothing of these may be left: they hide, or make text look like another one. */
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

it('shows every control character, and what turns the direction, as a sign', () => {
  expect(HIDDEN.test(visible(HOSTILE, '\t\n'))).toBe(false);
  expect(visible('a\u202ecod.exe\u001b[0m')).toBe('a\ufffdcod.exe\u241b[0m');
  for (const char of HOSTILE) {
    expect(HIDDEN.test(plain(`a${char}b`).text)).toBe(false);
  }
});
