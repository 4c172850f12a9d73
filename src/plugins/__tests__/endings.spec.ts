import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';

import type { IJob } from '../../cluster/state';
import { followEnds } from '../endings';
import { FakeClusters, cluster } from './fakeclusters';

const trans = nullTranslator.load('jupyterlab_clusters');
const HOUR = 3600;

/** A cluster whose job has so many seconds left, again and again. */
function followed(limit: number | null, ...lefts: number[]) {
  const clusters = new FakeClusters([cluster({ state: 'running' })]);
  followEnds(clusters.contract, trans);
  for (const left of lefts) {
    const job: IJob = {
      id: '17',
      state: 'RUNNING',
      reason: null,
      explanation: null,
      expected_start: null,
      time_left: left,
      time_limit: limit,
      partition: 'short',
      nodes: ['n1'],
      asked_at: null
    };
    clusters.all = [cluster({ state: 'running', job })];
    clusters.changed.emit({ keys: ['default:'] });
  }
  return Notification.manager.notifications.map(one =>
    one.message.replace(/^.* ends in /, '')
  );
}

beforeEach(() => Notification.manager.dismiss());

it('warns at a tenth of the time and at five minutes, once each', () => {
  expect(followed(2 * HOUR, 721, 720, 719, 301, 299, 10).reverse()).toEqual([
    '12 min, when its job reaches its time limit',
    '4 min, when its job reaches its time limit'
  ]);
});

it('warns once of what was missed', () => {
  expect(followed(2 * HOUR, 60)).toHaveLength(1);
});

it('does not warn of five minutes when there never were many more', () => {
  expect(followed(600, 600, 299, 61)).toEqual([]);
  expect(followed(600, 59)).toEqual([
    'less than a minute, when its job reaches its time limit'
  ]);
});

it('knows five minutes where the limit is not told', () => {
  expect(followed(null, 301)).toEqual([]);
  expect(followed(null, 300)).toHaveLength(1);
});
