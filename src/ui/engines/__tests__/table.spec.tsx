import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { axe, toHaveNoViolations } from 'jest-axe';
import React from 'react';

import type { EngineState, ICluster, IEngine } from '../../../cluster/state';
import { EngineTable } from '../index';
import { ALL_CAN, cluster, engine, LOST, Told } from './pieces';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');

// jsdom lays nothing out: a window of 480 pixels, or no row would be seen.
beforeAll(() => {
  for (const side of ['clientHeight', 'clientWidth']) {
    Object.defineProperty(Element.prototype, side, {
      configurable: true,
      get: () => 480
    });
  }
  Element.prototype.scrollTo = function (
    this: Element,
    to?: ScrollToOptions | number
  ) {
    this.scrollTop = typeof to === 'object' ? (to.top ?? 0) : 0;
    this.dispatchEvent(new Event('scroll'));
  } as typeof Element.prototype.scrollTo;
});

function shown(
  all: readonly IEngine[],
  fields: Partial<ICluster> = {},
  stale = false
) {
  const engines = new Told(all);
  const asked: string[] = [];
  const note = (verb: string) => (slot: number) => {
    asked.push(`${verb} ${slot}`);
  };
  const view = render(
    <EngineTable
      engines={engines}
      cluster={cluster(fields)}
      trans={trans}
      stale={stale}
      actions={{
        openLog: note('log'),
        interrupt: note('interrupt'),
        restart: note('restart'),
        stop: note('stop')
      }}
    />
  );
  return { engines, asked, ...view };
}

const rows = () =>
  screen.getAllByRole('row').filter(row => row.dataset.slot !== undefined);
const row = (slot: number): HTMLElement => {
  const found = rows().find(one => one.dataset.slot === String(slot));
  if (!found) {
    throw new Error(`No row of slot ${slot}`);
  }
  return found;
};
const slots = () => rows().map(one => Number(one.dataset.slot));
const button = (verb: string, slot: number) =>
  within(row(slot)).getByRole('button', {
    name: new RegExp(`${verb}.* engine ${slot}`)
  });
const many = (count: number) =>
  Array.from({ length: count }, (_, slot) => engine(slot));

it.each<[EngineState, string]>([
  ['queued', '·'],
  ['starting', '◔'],
  ['idle', '○'],
  ['busy', '●'],
  ['stopping', '◑'],
  ['exited', '–'],
  ['lost', '✕'],
  ['unregistered', '?']
])('tells %s by word and shape', (state, shape) => {
  shown([engine(0, { state })]);
  expect(row(0)).toHaveTextContent(`${shape} ${state}`);
  expect(row(0)).toHaveClass(`jlc-mod-${state}`);
});

it('shows tasks, cores in per cent and memory; what is not known is a dash', () => {
  shown([
    engine(0, { completed: 7, cpu: 1.25, memory: 93 * 2 ** 20 }),
    engine(1, { cpu: null, memory: null })
  ]);
  const texts = (slot: number) =>
    within(row(slot))
      .getAllByRole('gridcell')
      .slice(2, 5)
      .map(cell => cell.textContent);
  expect(texts(0)).toEqual(['7', '125 %', '93.0 MiB']);
  expect(texts(1)).toEqual(['0', '–', '–']);
});

it('sums up what lives, and counts the lost', () => {
  shown([engine(0, { cpu: 1.5 }), { ...LOST, cpu: 1, memory: 2 ** 30 }]);
  expect(
    screen.getByText('1 engine · CPU 150 % · 64.0 MiB · 1 lost')
  ).toBeVisible();
});

it('names hosts only where there are several', () => {
  const { engines } = shown(many(2));
  expect(screen.queryByRole('columnheader', { name: 'Host' })).toBeNull();
  act(() => engines.tell([engine(0), engine(1, { host: 'there' })]));
  expect(screen.getByRole('columnheader', { name: 'Host' })).toBeVisible();
  expect(row(1)).toHaveTextContent('there');
});

it('calls engines ranks where they are', () => {
  shown([engine(0), engine(1)], { launcher: 'mpi' });
  expect(screen.getByRole('columnheader', { name: /Rank/ })).toBeVisible();
  fireEvent.click(row(1));
  expect(screen.getByText(/^rank 1 · id 1 · process/)).toBeVisible();
});

it('says that there are none, and does not say so before it knows', () => {
  const { unmount } = shown([]);
  expect(screen.getByText('No engines yet')).toBeVisible();
  unmount();
  const unknown = new Told([], false);
  render(
    <EngineTable
      engines={unknown}
      cluster={cluster()}
      trans={trans}
      stale={false}
      actions={{
        openLog: () => undefined,
        interrupt: () => undefined,
        restart: () => undefined,
        stop: () => undefined
      }}
    />
  );
  expect(screen.queryByText('No engines yet')).toBeNull();
  unknown.dispose();
});

it('tells why an engine was lost, at the row and in full when chosen', async () => {
  shown([engine(0), LOST]);
  expect(row(1)).toHaveAttribute('title', 'Killed: out of memory.');
  fireEvent.click(row(1));
  const details = screen.getByRole('region', { name: 'Engine 1' });
  expect(details).toHaveTextContent('Killed: out of memory.');
  expect(details).toHaveTextContent('process 1001');
  expect(row(1)).toHaveAttribute('aria-selected', 'true');
});

describe('keys', () => {
  it('move one tab stop through the rows', async () => {
    shown(many(5));
    const stops = () => rows().filter(one => one.tabIndex === 0);
    expect(stops()).toEqual([row(0)]);
    act(() => row(0).focus());
    await userEvent.keyboard('{ArrowDown}{ArrowDown}');
    expect(row(2)).toHaveFocus();
    expect(stops()).toEqual([row(2)]);
    await userEvent.keyboard('{ArrowUp}');
    expect(row(1)).toHaveFocus();
    await userEvent.keyboard('{End}{ArrowDown}');
    expect(row(4)).toHaveFocus();
    await userEvent.keyboard('{Home}{ArrowUp}');
    expect(row(0)).toHaveFocus();
  });

  it('open the log by Enter, choose by the space bar', async () => {
    const { asked } = shown(many(3));
    act(() => row(0).focus());
    await userEvent.keyboard('{ArrowDown}{Enter}');
    expect(asked).toEqual(['log 1']);
    await userEvent.keyboard(' ');
    expect(screen.getByRole('region', { name: 'Engine 1' })).toBeVisible();
  });

  it('reach the last of 10,000 at once', async () => {
    shown(many(10_000));
    act(() => row(0).focus());
    await userEvent.keyboard('{End}');
    expect(row(9999)).toHaveFocus();
    expect(row(9999)).toHaveAttribute('aria-rowindex', '10001');
  });

  it('on a button press the button', async () => {
    const { asked } = shown(many(2));
    fireEvent.click(row(1));
    act(() => button('Stop', 1).focus());
    await userEvent.keyboard('{Enter}');
    expect(asked).toEqual(['stop 1']);
  });
});

it('keeps the focus on an engine while others come before it', async () => {
  const { engines } = shown(many(3).slice(1));
  act(() => row(1).focus());
  await userEvent.keyboard('{ArrowDown}');
  act(() => engines.tell(many(3)));
  expect(row(2)).toHaveFocus();
});

it('draws few rows of 10,000, and says how many there are', () => {
  shown(many(10_000));
  expect(rows().length).toBeGreaterThan(10);
  expect(rows().length).toBeLessThan(100);
  expect(screen.getByRole('grid')).toHaveAttribute('aria-rowcount', '10001');
});

describe('sorting', () => {
  const use = [
    engine(0, { cpu: 0.5 }),
    engine(1, { cpu: null }),
    engine(2, { cpu: 2 }),
    engine(3, { cpu: 0.5 })
  ];
  const head = (name: RegExp) => screen.getByRole('columnheader', { name });

  it('begins with the most, turns round, leaves the unknown last', async () => {
    shown(use);
    expect(head(/Engine/)).toHaveAttribute('aria-sort', 'ascending');
    await userEvent.click(screen.getByRole('button', { name: /^CPU/ }));
    expect(slots()).toEqual([2, 0, 3, 1]);
    expect(head(/CPU/)).toHaveAttribute('aria-sort', 'descending');
    expect(head(/Engine/)).toHaveAttribute('aria-sort', 'none');
    await userEvent.click(screen.getByRole('button', { name: /^CPU/ }));
    expect(slots()).toEqual([0, 3, 2, 1]);
  });

  it('puts what needs a look first', async () => {
    shown([engine(0), LOST, engine(2, { state: 'busy' })]);
    await userEvent.click(screen.getByRole('button', { name: /^State/ }));
    expect(slots()).toEqual([1, 2, 0]);
  });

  it('follows changes', async () => {
    const { engines } = shown(use);
    await userEvent.click(screen.getByRole('button', { name: /^CPU/ }));
    act(() => engines.tell([...use.slice(0, 3), engine(3, { cpu: 4 })]));
    expect(slots()).toEqual([3, 2, 0, 1]);
  });
});

describe('the filter', () => {
  const box = () => screen.queryByRole('searchbox', { name: 'Filter engines' });

  it('is there for many engines only', () => {
    const { engines } = shown(many(12));
    expect(box()).toBeNull();
    act(() => engines.tell(many(13)));
    expect(box()).toBeVisible();
  });

  it.each([
    ['lost', [1]],
    ['memory', [1]],
    ['7', [7]],
    ['elsewhere', [9]],
    ['idle elsewhere', [9]],
    ['lost elsewhere', []]
  ])('%s', (text, expected) => {
    const all = many(20).map(one => (one.slot === 1 ? LOST : one));
    all[9] = engine(9, { host: 'elsewhere' });
    shown(all);
    fireEvent.change(box() as HTMLElement, { target: { value: text } });
    expect(screen.queryAllByRole('row').slice(1).length).toBe(expected.length);
    if (expected.length > 0) {
      expect(slots()).toEqual(expected);
    } else {
      expect(screen.getByRole('status')).toHaveTextContent(text);
    }
  });
});

describe('buttons', () => {
  it('ask for what they say, without choosing the row', async () => {
    const { asked } = shown(many(1));
    for (const verb of ['Open the log', 'Interrupt', 'Restart', 'Stop']) {
      await userEvent.click(button(verb, 0));
    }
    expect(asked).toEqual(['log 0', 'interrupt 0', 'restart 0', 'stop 0']);
    expect(row(0)).toHaveAttribute('aria-selected', 'false');
  });

  it.each<[string, string, Partial<IEngine>, Partial<ICluster>, boolean]>([
    ['Stop', 'cannot be reached', {}, {}, true],
    ['Restart', 'does not run', {}, { state: 'stopping' }, false],
    ['Interrupt', 'has ended', { state: 'lost' }, {}, false],
    ['Stop', 'has ended', { state: 'exited' }, {}, false],
    ['Stop', 'about to end', { state: 'stopping' }, {}, false],
    ['Interrupt', 'not registered', { id: null }, {}, false],
    [
      'Restart',
      'all together',
      {},
      { capabilities: { ...ALL_CAN, restart_one: false } },
      false
    ]
  ])('%s says: %s', async (verb, why, fields, ofCluster, stale) => {
    const { asked } = shown([engine(0, fields)], ofCluster, stale);
    expect(button(verb, 0)).toHaveAttribute('aria-disabled', 'true');
    expect(button(verb, 0).title).toContain(why);
    await userEvent.click(button(verb, 0));
    expect(asked).toEqual([]);
  });

  it('give a lost engine its log and a new start', async () => {
    const { asked } = shown([engine(0), LOST]);
    await userEvent.click(button('Open the log', 1));
    await userEvent.click(button('Restart', 1));
    expect(asked).toEqual(['log 1', 'restart 1']);
  });
});

it('has no accessibility fault, with details or without', async () => {
  const { container } = shown([...many(14), { ...LOST, slot: 14 }]);
  expect(await axe(container)).toHaveNoViolations();
  fireEvent.click(row(14));
  expect(await axe(container)).toHaveNoViolations();
});
