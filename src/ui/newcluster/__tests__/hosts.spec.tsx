import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { act, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { axe, toHaveNoViolations } from 'jest-axe';
import React from 'react';

import { Hosts } from '../hosts';
import { FakeHosts, recorded } from './fakehosts';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');
const OPTIONS = { hosts: [{ host: 'ada@node1' }] };
const PRINT = 'SHA256:CrSXL0aq7fBava2EHqE1VVvU5W6bNswoVg2kfmsiglQ';

function shown(options: Record<string, unknown> = OPTIONS) {
  const testing = new FakeHosts();
  const drawn = render(
    <Hosts launcher="ssh" options={options} testing={testing} trans={trans} />
  );
  const told = (part: Partial<FakeHosts> = {}) =>
    act(() =>
      testing.tell({ hosts: recorded().hosts, tested: OPTIONS, ...part })
    );
  return { testing, told, user: userEvent.setup(), ...drawn };
}

const cells = (name: string) =>
  within(screen.getByRole('row', { name: new RegExp(`^${name}`) }))
    .getAllByRole('cell')
    .map(cell => cell.textContent);
const details = (name: string) =>
  screen.queryByRole('list', { name: `Checks of ${name}` });

it('tests what is filled in, when asked to', async () => {
  const { testing, user } = shown();
  expect(screen.queryByRole('table')).toBeNull();
  expect(testing.asked).toEqual([]);
  await user.click(screen.getByRole('button', { name: 'Test hosts' }));
  expect(testing.asked).toEqual([`test ssh ${JSON.stringify(OPTIONS)}`]);
});

it('does not test twice at a time', async () => {
  const { testing, told, user } = shown();
  told({ testing: true });
  const button = screen.getByRole('button', { name: 'Test hosts' });
  expect(button).toHaveAttribute('aria-disabled', 'true');
  await user.click(button);
  expect(testing.asked).toEqual([]);
});

it('shows how each host stands, by shape and word', () => {
  const { told } = shown();
  told({ testing: true });
  expect(cells('ada@node1')).toEqual([
    '● ready ▸',
    '3.11.7',
    '9.2.0',
    '16',
    '31.0 GiB'
  ]);
  expect(cells('node3')[0]).toBe('▲ cannot be used ▾');
  expect(cells('node4')).toEqual(['◔ testing…', '–', '–', '–', '–']);
  expect(screen.getByRole('status')).toHaveTextContent('Testing 1 host…');
  told({ hosts: recorded().hosts.slice(0, 3) });
  expect(screen.getByRole('status')).toHaveTextContent(
    '1 of 3 hosts are ready.'
  );
});

it('opens the cause and the hint of a host that fails, and folds them', async () => {
  const { told, user } = shown();
  told();
  const list = details('node3');
  expect(list).toHaveTextContent('ipyparallel is missing in the Python');
  expect(list).toHaveTextContent('Install it there.');
  expect(list).toHaveTextContent('✗ ipyparallel: fails');
  expect(details('ada@node1')).toBeNull();
  const toggle = screen.getByRole('button', { name: /^node3: cannot be used/ });
  expect(toggle).toHaveAttribute('aria-expanded', 'true');
  toggle.focus();
  await user.keyboard('{Enter}');
  expect(toggle).toHaveAttribute('aria-expanded', 'false');
  expect(details('node3')).toBeNull();
  await user.click(screen.getByRole('button', { name: /^ada@node1: ready/ }));
  expect(details('ada@node1')).toHaveTextContent('✓ Login: good (ada)');
});

it('claims nothing of what could not be tested', () => {
  const { told } = shown();
  told();
  expect(details('node2:2222')).toHaveTextContent(
    '– Not tested: Login, Python, ipyparallel'
  );
});

it('accepts a key only after its fingerprint was shown', async () => {
  const { testing, told, user } = shown();
  told();
  expect(screen.queryByText(new RegExp(PRINT))).toBeNull();
  await user.click(
    screen.getByRole('button', { name: /^Accept key of node2/ })
  );
  const question = screen.getByRole('group', {
    name: 'Is this the key of node2:2222?'
  });
  expect(question).toHaveTextContent(`ED25519 ${PRINT}`);
  expect(question).toHaveAccessibleDescription(/Compare it/);
  expect(testing.asked).toEqual([]);
  await user.click(
    within(question).getByRole('button', { name: 'Accept this key' })
  );
  expect(testing.asked).toEqual([`accept node2:2222 ${PRINT}`]);
  expect(screen.getByRole('button', { name: 'Test hosts' })).toHaveFocus();
});

it.each(['{Escape}', '{Enter}', ' '])(
  'begins with not accepting: %j leaves the question',
  async key => {
    const { testing, told, user } = shown();
    told();
    await user.click(
      screen.getByRole('button', { name: /^Accept key of node2/ })
    );
    expect(screen.getByRole('button', { name: 'Not now' })).toHaveFocus();
    await user.keyboard(key);
    expect(screen.queryByText(/^Is this the key/)).toBeNull();
    expect(
      screen.getByRole('button', { name: /^Accept key of node2/ })
    ).toHaveFocus();
    expect(testing.asked).toEqual([]);
  }
);

it('offers no key that the server does not offer', () => {
  const { told } = shown();
  told({
    hosts: recorded().hosts.map(host => ({ ...host, fingerprint: null }))
  });
  expect(screen.queryByRole('button', { name: /Accept/ })).toBeNull();
});

it('says when what was tested is not what is filled in', () => {
  const { told } = shown({ ...OPTIONS, python: 'python3.12' });
  told();
  expect(screen.getByRole('status')).toHaveTextContent('options have changed');
});

it('says why a test was refused', () => {
  const { told } = shown();
  told({ hosts: [], error: 'Not allowed on this server.' });
  expect(screen.getByRole('alert')).toHaveTextContent('Not allowed');
});

it('has no accessibility fault', async () => {
  const { told, user, container } = shown();
  told();
  await user.click(
    screen.getByRole('button', { name: /^Accept key of node2/ })
  );
  expect(await axe(container)).toHaveNoViolations();
});
