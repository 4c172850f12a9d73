import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React from 'react';

import type { ICluster } from '../../../cluster/state';
import type { IClusters, Link } from '../../../tokens';
import { cluster } from '../../engines/__tests__/pieces';
import { List } from '../list';
import type { IRowActions } from '../row';

const trans = nullTranslator.load('jupyterlab_clusters');

class Source {
  constructor(public all: readonly ICluster[]) {}
  link: Link = 'live';
  selected: string | null = null;
  readonly asked = new Map<string, never>();
  readonly changed = new Signal<this, { keys: readonly string[] }>(this);
  readonly linkChanged = new Signal<this, Link>(this);
  readonly selectedChanged = new Signal<this, string | null>(this);
  get = (key: string) => this.all.find(one => one.key === key);
}

function shown(all: readonly ICluster[]) {
  const said: string[] = [];
  const say = (verb: string) => (key: string) =>
    void said.push(`${verb} ${key}`);
  const actions = {
    select: say('select'),
    stop: say('stop'),
    start: say('start')
  } as unknown as IRowActions;
  const source = new Source(all);
  render(
    <List
      clusters={source as unknown as IClusters}
      profiles={[]}
      cores={4}
      actions={actions}
      trans={trans}
    />
  );
  return { source, said };
}

const THREE = [
  cluster({ state: 'running' }),
  cluster({ key: 'b:', profile: 'b', state: 'stopped' }),
  cluster({ key: 'c:', profile: 'c', state: 'running' })
];

it('is walked with the arrow keys, and Tab reaches one row only', async () => {
  const user = userEvent.setup();
  shown(THREE);
  const rows = screen.getAllByRole('listitem');
  expect(rows.map(row => row.tabIndex)).toEqual([0, -1, -1]);
  rows[0].focus();
  await user.keyboard('{ArrowDown}');
  expect(rows[1]).toHaveFocus();
  await user.keyboard('{End}');
  expect(rows[2]).toHaveFocus();
  await user.keyboard('{ArrowDown}');
  expect(rows[2]).toHaveFocus();
  await user.keyboard('{Home}');
  expect(rows[0]).toHaveFocus();
});

it('Delete asks to stop what runs, and nothing else', async () => {
  const user = userEvent.setup();
  const { said } = shown(THREE);
  const rows = screen.getAllByRole('listitem');
  rows[1].focus();
  await user.keyboard('{Delete}');
  rows[2].focus();
  await user.keyboard('{Delete}');
  expect(said.filter(one => one.startsWith('stop'))).toEqual(['stop c:']);
});

it('keys within a control of a row are the control’s own', async () => {
  const user = userEvent.setup();
  const { said } = shown(THREE);
  within(screen.getAllByRole('listitem')[0]).getByRole('combobox').focus();
  await user.keyboard('{Delete}');
  expect(said.filter(one => one.startsWith('stop'))).toEqual([]);
});

it('keeps what it knows while the server is out of reach, and lets nothing be asked', () => {
  const { source } = shown(THREE);
  act(() => {
    source.link = 'reconnecting';
    source.linkChanged.emit('reconnecting');
  });
  expect(screen.getByText('Server out of reach, reconnecting…')).toBeVisible();
  expect(screen.getAllByRole('listitem')).toHaveLength(3);
  screen
    .getAllByRole('button', { name: /^(Start|Stop)$/ })
    .forEach(button => expect(button).toBeDisabled());
});

it('tells a screen reader of a state that changed', () => {
  const { source } = shown(THREE);
  act(() => {
    source.all = [cluster({ state: 'failed' }), ...THREE.slice(1)];
    source.changed.emit({ keys: ['default:'] });
  });
  const told = screen.getAllByRole('status').map(one => one.textContent);
  expect(told).toContain('default: failed');
});

it('tells a newcomer what this is, until there is more to see', () => {
  const { source } = shown([cluster({ state: 'stopped' })]);
  expect(screen.getByText(/set of Python engines/)).toBeVisible();
  act(() => {
    source.all = THREE;
    source.changed.emit({ keys: [] });
  });
  expect(screen.queryByText(/set of Python engines/)).toBeNull();
});
