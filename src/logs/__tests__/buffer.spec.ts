import type { IFilter } from '../buffer';
import { LogBuffer, passing } from '../buffer';
import { levelOf } from '../levels';

const lines = (from: number, ...texts: string[]) =>
  texts.map((text, at) => ({ offset: from + at * 10, text }));
const seen = (buffer: LogBuffer) =>
  buffer.all.map(line => [line.number, line.text]);

it.each([
  ['2026-01-02 03:04:05.678 [IPController] ERROR | no', 'error'],
  ['CRITICAL:root:gone', 'error'],
  ['[E 2026-01-02 03:04:05 app] no', 'error'],
  ['ValueError: bad', 'error'],
  ['zmq.error.ZMQError: busy', 'error'],
  ['KeyboardInterrupt', 'error'],
  ['Traceback (most recent call last):', 'error'],
  ['WARNING:root:hm', 'warning'],
  ['[W 03:04:05 app] hm', 'warning'],
  ['a.py:3: DeprecationWarning: old', 'warning'],
  ['2026 [IPController] INFO | 0 errors', 'other'],
  ['no terror here', 'other'],
  ['', 'other']
])('%j is %s', (text, level) => {
  expect(levelOf(text)).toBe(level);
});

it('takes a traceback as one error, each slot by itself', () => {
  const buffer = new LogBuffer();
  buffer.append([
    { offset: 0, slot: 0, text: 'Traceback (most recent call last):' },
    { offset: 1, slot: 1, text: 'fine' },
    { offset: 2, slot: 0, text: '  File "a.py", line 1' },
    { offset: 3, slot: 0, text: 'mine.Gone' },
    { offset: 4, slot: 0, text: 'fine' }
  ]);
  expect(buffer.all.map(line => line.level)).toEqual([
    'error',
    'other',
    'error',
    'error',
    'other'
  ]);
});

it('keeps the newest when lines are added at the end', () => {
  const buffer = new LogBuffer(3);
  buffer.append(lines(0, 'a', 'b'));
  const added = buffer.append(lines(20, 'c', 'd'));
  expect(added.map(line => line.number)).toEqual([2, 3]);
  expect(seen(buffer)).toEqual([
    [1, 'b'],
    [2, 'c'],
    [3, 'd']
  ]);
  expect(buffer.append(lines(40, 'e', 'f', 'g', 'h'))).toHaveLength(3);
});

it('keeps the oldest when lines are added at the start', () => {
  const buffer = new LogBuffer(3);
  buffer.append(lines(20, 'c', 'd'));
  const { added, dropped } = buffer.prepend(lines(0, 'a', 'b'));
  expect(added.map(line => line.number)).toEqual([-2, -1]);
  expect(dropped.map(line => line.text)).toEqual(['d']);
  buffer.append(lines(30, 'd'));
  expect(seen(buffer)).toEqual([
    [-1, 'b'],
    [0, 'c'],
    [1, 'd']
  ]);
});

it.each<[IFilter, string[]]>([
  [{ text: '', level: 'all' }, ['ERROR a', 'WARNING b', 'c', 'gap']],
  [{ text: '', level: 'warning' }, ['ERROR a', 'WARNING b', 'gap']],
  [{ text: '', level: 'error' }, ['ERROR a', 'gap']],
  [{ text: 'wArn', level: 'all' }, ['WARNING b', 'gap']],
  [{ text: 'c', level: 'error' }, ['gap']]
])('%j lets through', (filter, texts) => {
  const buffer = new LogBuffer();
  buffer.append(lines(0, 'ERROR a', 'WARNING b', 'c'));
  buffer.note('gap', 30);
  expect(buffer.all.filter(passing(filter)).map(one => one.text)).toEqual(
    texts
  );
});
