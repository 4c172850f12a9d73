import { nullTranslator } from '@jupyterlab/translation';

import type { IJob } from '../../../cluster/state';
import { jobWords } from '../jobwords';

const trans = nullTranslator.load('jupyterlab_clusters');
const NOW = Date.parse('2026-01-01T12:00:00Z');

function words(fields: Partial<IJob>) {
  const job: IJob = {
    id: '17',
    state: 'RUNNING',
    reason: null,
    explanation: null,
    expected_start: null,
    time_left: null,
    time_limit: null,
    partition: 'short',
    nodes: [],
    asked_at: '2026-01-01T11:59:58Z',
    ...fields
  };
  return jobWords(job, NOW, trans);
}

it('tells why a job waits, and until when', () => {
  const told = words({
    state: 'PENDING',
    reason: 'Resources',
    explanation: 'waiting for nodes: 3 of 3 are in use',
    expected_start: '2026-01-01T12:30:00Z'
  });
  expect(told.text).toMatch(
    /^Job 17 · waiting for nodes: 3 of 3 are in use · expected to start at .*\d\d/
  );
  expect(told.warning).toBe(false);
});

it('falls back to the reason, and to a plain word', () => {
  expect(words({ state: 'PENDING', reason: 'Priority' }).text).toBe(
    'Job 17 · Priority'
  );
  expect(words({ state: 'PENDING' }).text).toBe('Job 17 · waiting');
});

it('tells where it runs and how long it may', () => {
  expect(words({ nodes: ['n1'], time_left: 3540 })).toEqual({
    text: 'Job 17 · on n1 · 59 min left',
    warning: false
  });
  const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'];
  expect(words({ nodes, time_left: 7 * 3600 }).text).toBe(
    'Job 17 · on 5 nodes: n1, n2, n3, n4, … · 7 h left'
  );
  expect(words({ time_left: 86400 * 7 }).text).toBe('Job 17 · 7 days left');
});

it('warns of the end', () => {
  expect(words({ time_left: 299 })).toEqual({
    text: 'Job 17 · 4 min left',
    warning: true
  });
  expect(words({ time_left: 10 }).text).toContain('less than a minute left');
});

it('tells when the queue was last heard', () => {
  const told = words({ asked_at: '2026-01-01T11:50:00Z' });
  expect(told.text).toContain('the queue has not answered since');
  expect(told.warning).toBe(true);
  expect(words({ asked_at: null }).warning).toBe(false);
});
