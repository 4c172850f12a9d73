import type { ICluster } from '../state';
import { busyLost, canStart, canStop, nameOf, totals } from '../summary';
import { cluster as piece } from './pieces';

const NONE = { launched: 0, registered: 0, busy: 0, lost: 0 };

function cluster(some: Partial<ICluster>): ICluster {
  return piece({ wanted: 0, engines: NONE, ...some });
}

const counts = (launched: number, busy: number) => ({
  engines: { launched, registered: launched, busy, lost: 0 }
});

describe('busyLost', () => {
  it.each([
    [4, 0, 0, 0],
    [4, 1, 4, 0],
    [4, 1, 1, 0],
    [4, 2, 1, 1],
    [4, 4, 1, 3],
    [4, 4, 0, 4],
    [4, 4, 8, 0]
  ])('%i engines, %i busy, scaled to %i: %i', (launched, busy, to, lost) => {
    expect(busyLost(cluster(counts(launched, busy)), to)).toBe(lost);
  });
});

describe('what can be done', () => {
  it.each([
    ['stopped', 'ours', true, false],
    ['failed', 'ours', true, false],
    ['starting', 'ours', false, true],
    ['running', 'ours', false, true],
    ['stopping', 'ours', false, false],
    ['running', 'external', false, true]
  ] as const)('with one that is %s and %s', (state, origin, start, stop) => {
    const one = cluster({ state, origin });
    expect([canStart(one), canStop(one)]).toEqual([start, stop]);
  });

  it('stops what is left of one that failed', () => {
    expect(canStop(cluster({ state: 'failed', ...counts(2, 0) }))).toBe(true);
  });
});

it('counts only what runs or is about to', () => {
  const all = [
    cluster({ ...counts(3, 1), wanted: 4 }),
    cluster({ state: 'starting', wanted: 8 }),
    cluster({ state: 'stopped', wanted: 16 }),
    cluster({ state: 'failed', wanted: 2 })
  ];
  expect(totals(all)).toEqual({
    clusters: 2,
    registered: 3,
    wanted: 12,
    failed: 1
  });
});

it('names a cluster by its profile, and its id where it has one', () => {
  expect(nameOf({ profile: 'hpc', cluster_id: '' })).toBe('hpc');
  expect(nameOf({ profile: 'hpc', cluster_id: 'night' })).toContain('night');
});
