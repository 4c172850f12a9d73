import * as fs from 'fs';
import * as path from 'path';

import { HostTesting } from '../hosttesting';
import type { IHostTest, IHostTests } from '../state';

const SAMPLE = path.resolve(
  __dirname,
  '../../../jupyterlab_clusters/tests/wire/rest-host-tests.json'
);
const HOSTS: readonly IHostTest[] = JSON.parse(fs.readFileSync(SAMPLE, 'utf-8'))
  .message.hosts;
const NEW_KEY = HOSTS[1];

/** All of the sample, or only what is done. */
const answer = (done: boolean): IHostTests => ({
  id: 'one',
  hosts: done ? HOSTS.slice(0, 3) : HOSTS
});

function made(answers: (IHostTests | Error)[]) {
  const asked: string[] = [];
  const next = async (...words: string[]): Promise<IHostTests> => {
    asked.push(words.join(' '));
    const one = answers.shift();
    if (!one || one instanceof Error) {
      throw one ?? new Error('Nothing more.');
    }
    return one;
  };
  const testing = new HostTesting({
    testHosts: launcher => next('test', launcher),
    hostTests: (launcher, id) => next('look', launcher, id),
    acceptHostKey: (launcher, host, print) =>
      next('accept', launcher, host, print)
  });
  return { testing, asked };
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

it('asks until every host is done, and tells each answer', async () => {
  const { testing, asked } = made([answer(false), answer(false), answer(true)]);
  const told: [number, boolean][] = [];
  testing.changed.connect(one => {
    told.push([one.hosts.length, one.testing]);
  });
  const over = testing.test('ssh', {});
  await jest.advanceTimersByTimeAsync(600);
  await over;
  expect(asked).toEqual(['test ssh', 'look ssh one', 'look ssh one']);
  expect(told).toEqual([
    [0, true],
    [4, true],
    [4, true],
    [3, false]
  ]);
  await jest.advanceTimersByTimeAsync(5000);
  expect(asked).toHaveLength(3);
});

it('says why it was refused, and of whom nothing more will be heard', async () => {
  const { testing } = made([answer(false), new Error('Gone.')]);
  const over = testing.test('ssh', {});
  await jest.advanceTimersByTimeAsync(300);
  await over;
  expect([testing.error, testing.testing]).toEqual(['Gone.', false]);
  expect(testing.hosts.every(one => one.state === 'done')).toBe(true);
});

it('looks again after a key was accepted', async () => {
  const { testing, asked } = made([answer(true), answer(false), answer(true)]);
  await testing.test('ssh', {});
  const over = testing.accept(NEW_KEY.host, 'SHA256:x');
  await jest.advanceTimersByTimeAsync(300);
  await over;
  expect(asked.slice(1)).toEqual([
    `accept ssh ${NEW_KEY.host} SHA256:x`,
    'look ssh one'
  ]);
  expect(testing.error).toBeNull();
});

it('shows what stood against a key at its host too', async () => {
  const refused = {
    id: 'one',
    hosts: [{ ...NEW_KEY, fingerprint: null, key_type: null }]
  };
  const { testing } = made([
    answer(true),
    new Error('Another key than was shown.'),
    refused
  ]);
  await testing.test('ssh', {});
  await testing.accept(NEW_KEY.host, 'SHA256:x');
  expect(testing.error).toBe('Another key than was shown.');
  expect(testing.hosts).toEqual(refused.hosts);
});

it('hears no more of an earlier test', async () => {
  const { testing, asked } = made([answer(false), answer(true)]);
  const first = testing.test('ssh', {});
  await Promise.resolve();
  const second = testing.test('ssh', {});
  await jest.advanceTimersByTimeAsync(300);
  await Promise.all([first, second]);
  expect(asked).toEqual(['test ssh', 'test ssh']);
  expect(testing.testing).toBe(false);
});

it('asks nothing once disposed', async () => {
  const { testing, asked } = made([answer(false)]);
  const over = testing.test('ssh', {});
  await Promise.resolve();
  testing.dispose();
  await jest.advanceTimersByTimeAsync(1000);
  await over;
  expect(asked).toEqual(['test ssh']);
});
