import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { axe, toHaveNoViolations } from 'jest-axe';
import React from 'react';

import { withNamedHosts } from '../../options/chosen';
import { Hosts } from '../hosts';
import type { IHostLine } from '../hosttext';
import { FakeHosts, recorded } from './fakehosts';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');
const OPTIONS = {
  hosts: ['ada@node1', 'node2:2222', 'node3', 'node4'].map(host => ({ host }))
};
const MORE = [
  { name: 'python', title: trans.__('Python there'), hint: null, words: false },
  { name: 'engine_args', title: trans.__('Arguments'), hint: null, words: true }
];
const PRINT = 'SHA256:CrSXL0aq7fBava2EHqE1VVvU5W6bNswoVg2kfmsiglQ';

/** The table as a form holds it. */
function Held(props: {
  options: Record<string, unknown>;
  testing: FakeHosts;
  fault: { line: number; message: string } | null;
  told: (lines: readonly IHostLine[]) => void;
}): JSX.Element {
  const { options, testing, fault, told } = props;
  const [lines, change] = React.useState(options.hosts as IHostLine[]);
  return (
    <Hosts
      launcher="ssh"
      lines={lines}
      more={MORE}
      options={withNamedHosts({ ...options, hosts: lines })}
      fault={fault}
      testing={testing}
      trans={trans}
      onChange={changed => {
        told(changed);
        change(changed);
      }}
    />
  );
}

function shown(
  options: Record<string, unknown> = OPTIONS,
  fault: { line: number; message: string } | null = null
) {
  const testing = new FakeHosts();
  let now: readonly IHostLine[] = [];
  const drawn = render(
    <Held
      options={options}
      testing={testing}
      fault={fault}
      told={lines => {
        now = lines;
      }}
    />
  );
  const told = (part: Partial<FakeHosts> = {}) =>
    act(() =>
      testing.tell({ hosts: recorded().hosts, tested: OPTIONS, ...part })
    );
  return { testing, told, user: userEvent.setup(), lines: () => now, ...drawn };
}

const cells = (name: string) =>
  within(screen.getByRole('row', { name: new RegExp(`^${name}`) }))
    .getAllByRole('cell')
    .map(cell => cell.textContent);
const status = () => screen.getAllByRole('status').slice(-1)[0];
const details = (name: string) =>
  screen.queryByRole('list', { name: `Checks of ${name}` });

it('tests what is filled in, when asked to', async () => {
  const { testing, user } = shown();
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
  expect(cells('ada@node1')[2]).toBe(
    '● ready ▸Python 3.11.7, 16 cores, 31.0 GiB free'
  );
  expect(cells('node3')[2]).toBe('▲ cannot be used ▾');
  expect(cells('node4')[2]).toBe('◔ testing…');
  expect(status()).toHaveTextContent('Testing 1 host…');
  told({ hosts: recorded().hosts.slice(0, 3) });
  expect(status()).toHaveTextContent('1 of 3 hosts are ready.');
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
  expect(status()).toHaveTextContent('options have changed');
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

describe('the table', () => {
  const line = (number: number) =>
    screen.getByRole('textbox', { name: `Host ${number}` });
  const EMPTY = { hosts: [] };

  it('has a line to type into, and another after Enter', async () => {
    const { user, lines } = shown(EMPTY);
    await user.type(line(1), 'node1{Enter}');
    expect(line(2)).toHaveFocus();
    await user.type(line(2), 'node2');
    await user.type(screen.getByLabelText('Engines of node2'), '8');
    expect(lines()).toEqual([{ host: 'node1' }, { host: 'node2', engines: 8 }]);
  });

  it('takes a whole list at once', async () => {
    const { lines } = shown(EMPTY);
    const text = 'node1 slots=4\nada@node2:2222\n';
    // JupyterLab's stand-in for clipboard events does not bubble.
    const event = new Event('paste', { bubbles: true, cancelable: true });
    Object.assign(event, { clipboardData: { getData: () => text } });
    fireEvent(line(1), event);
    expect(event.defaultPrevented).toBe(true);
    expect(lines()).toEqual([
      { host: 'node1', engines: 4 },
      { host: 'ada@node2:2222' }
    ]);
    expect(line(2)).toHaveFocus();
    expect(screen.getByText('2 hosts pasted.')).toBeInTheDocument();
  });

  it('understands a number that was typed after the name', async () => {
    const { user, lines } = shown(EMPTY);
    await user.type(line(1), 'node1 8');
    await user.tab();
    expect(lines()).toEqual([{ host: 'node1', engines: 8 }]);
  });

  it('has the rest of a host behind a button', async () => {
    const { user, lines } = shown({ hosts: [{ host: 'node1' }] });
    expect(screen.queryByLabelText('Python there')).toBeNull();
    const more = screen.getByRole('button', { name: 'More for node1' });
    expect(more).toHaveAttribute('aria-expanded', 'false');
    await user.click(more);
    await user.type(screen.getByLabelText('Python there'), '/opt/p');
    await user.type(screen.getByLabelText('Arguments'), '--debug  -x 1');
    expect(lines()).toEqual([
      { host: 'node1', python: '/opt/p', engine_args: ['--debug', '-x', '1'] }
    ]);
    await user.clear(screen.getByLabelText('Arguments'));
    expect(lines()).toEqual([{ host: 'node1', python: '/opt/p' }]);
  });

  it('removes a host', async () => {
    const { user, lines } = shown();
    await user.click(screen.getByRole('button', { name: 'Remove node3' }));
    expect(lines().map(one => one.host)).toEqual([
      'ada@node1',
      'node2:2222',
      'node4'
    ]);
  });

  it('shows what is wrong with a host at its line', () => {
    shown(OPTIONS, { line: 2, message: 'No such name.' });
    expect(screen.getByRole('alert')).toHaveTextContent('No such name.');
    expect(line(3)).toHaveAccessibleDescription('No such name.');
    expect(line(3)).toHaveAttribute('aria-invalid', 'true');
  });

  it('tests nothing while no host has a name', async () => {
    const { user, testing } = shown(EMPTY);
    await user.click(screen.getByRole('button', { name: 'Test hosts' }));
    expect(testing.asked).toEqual([]);
  });
});
