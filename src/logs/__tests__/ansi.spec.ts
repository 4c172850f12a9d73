import { plain } from '../ansi';
import { visible } from '../visible';

const E = '\u001b';

it.each<[string, string, string, [number, number, string][]]>([
  ['plain text', 'a < b & c', 'a < b & c', []],
  ['red', `${E}[31mno${E}[0m yes`, 'no yes', [[0, 2, 'ansi-red-fg']]],
  ['bright', `x${E}[91mno`, 'xno', [[1, 3, 'ansi-bright-red-fg']]],
  [
    'bold on blue',
    `${E}[1;44mq${E}[m`,
    'q',
    [[0, 1, 'ansi-blue-bg ansi-bold']]
  ],
  ['of 256', `${E}[38;5;196mr`, 'r', [[0, 1, 'ansi-bright-red-fg']]],
  ['a grey', `${E}[38;5;240mr`, 'r', [[0, 1, 'ansi-white-fg']]],
  ['true colour', `${E}[38;2;0;128;0mg`, 'g', [[0, 1, 'ansi-green-fg']]],
  ['rewritten', '10%\r50%\r100%', '100%', []],
  ['ended by return', 'done\r', 'done', []],
  ['colour kept', `${E}[32m1%\r2%`, '2%', [[0, 2, 'ansi-green-fg']]],
  ['backspaces', 'ab\b\bcd', 'cd', []],
  ['moves and titles', `${E}]0;t\u0007a${E}[2Kb${E}[?25lc`, 'abc', []],
  ['other control', 'a\u0000b\tc', 'a\u2400b\tc', []],
  ['markup', `${E}[31m<img src=x>`, '<img src=x>', [[0, 11, 'ansi-red-fg']]]
])('%s', (_, raw, text, marks) => {
  const told = plain(raw);
  expect(told.text).toBe(text);
  expect(told.marks.map(m => [m.from, m.to, m.className])).toEqual(marks);
});

it.each([
  [`${E}[31m`, '\u241b[31m'],
  ['a\u202eb', 'a\ufffdb'],
  ['a\u007f🐈', 'a\u2421🐈'],
  ['a\nb', 'a\u240ab']
])('makes %j visible', (raw, shown) => {
  expect(visible(raw)).toBe(shown);
  expect(visible(raw)).toHaveLength(raw.length);
});
