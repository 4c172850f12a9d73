import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, render, screen } from '@testing-library/react';
import { axe, toHaveNoViolations } from 'jest-axe';
import React from 'react';

import type { ILoad } from '../../../cluster/state';
import type { ILoads } from '../../../tokens';
import { Activity } from '../index';
import { pieces } from '../sparkline';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');

function load(second: number, fields: Partial<ILoad> = {}): ILoad {
  return {
    time: new Date(second * 1000).toISOString(),
    registered: 4,
    busy: 3,
    queue: 12,
    done: 0,
    cpu: 2.1,
    memory: 93 * 2 ** 20,
    ...fields
  };
}

class Told implements ILoads {
  constructor(public points: readonly ILoad[]) {}

  readonly changed: Signal<ILoads, void> = new Signal(this);
  readonly isDisposed = false;

  tell(points: readonly ILoad[]): void {
    this.points = points;
    this.changed.emit();
  }

  dispose(): void {
    Signal.clearData(this);
  }
}

describe('Activity', () => {
  let loads: Told;

  const shown = (...points: ILoad[]) => {
    loads = new Told(points);
    return render(<Activity loads={loads} engines={4} trans={trans} />);
  };

  afterEach(() => loads.dispose());

  it('says the numbers of now, and follows them', () => {
    shown(load(0));
    expect(
      screen.getByText('3 of 4 busy · 2.1 cores · 93.0 MiB · 12 tasks waiting')
    ).toBeVisible();
    act(() => loads.tell([load(0), load(1, { busy: 0, cpu: 0, queue: 0 })]));
    expect(
      screen.getByText('0 of 4 busy · 0.0 cores · 93.0 MiB')
    ).toBeVisible();
  });

  it('says in words what the lines show', () => {
    shown(load(0, { cpu: 4 }), load(1));
    const names = screen
      .getAllByRole('img')
      .map(one => one.getAttribute('aria-label'));
    expect(names).toEqual([
      'CPU over the last 10 minutes: now 2.1 cores, at most 4.0 cores',
      'Memory over the last 10 minutes: now 93.0 MiB, at most 93.0 MiB'
    ]);
  });

  it('claims nothing before the first point', () => {
    shown();
    expect(screen.getByText('Measuring…')).toBeVisible();
    expect(screen.queryByRole('img')).toBeNull();
  });

  it('measures nothing where nothing runs', () => {
    loads = new Told([]);
    render(<Activity loads={loads} engines={0} trans={trans} />);
    expect(screen.getByText('No engine is running.')).toBeVisible();
  });

  it('has no accessibility fault', async () => {
    const { container } = shown(load(0), load(1));
    expect(await axe(container)).toHaveNoViolations();
  });
});

describe('a line', () => {
  const least = 1;

  it('ends at the right, at its height', () => {
    const points = [
      { at: 0, value: 0 },
      { at: 10, value: 2 }
    ];
    expect(pieces({ points, span: 10, least })).toEqual([
      [
        [0, 27.5],
        [100, 0.5]
      ]
    ]);
  });

  it('does not make much of little', () => {
    const [[[, y]]] = pieces({
      points: [{ at: 0, value: 0.1 }],
      span: 10,
      least
    });
    expect(y).toBeGreaterThan(24);
  });

  it('leaves out what is older than it shows', () => {
    const points = [0, 5, 12].map(at => ({ at, value: 1 }));
    expect(pieces({ points, span: 10, least })[0]).toHaveLength(2);
  });

  it('is not drawn over a time of which nothing is known', () => {
    const points = [0, 1, 60, 61].map(at => ({ at, value: 1 }));
    expect(pieces({ points, span: 600, least })).toHaveLength(2);
  });

  it('of nothing is nothing', () => {
    expect(pieces({ points: [], span: 10, least })).toEqual([]);
  });
});
