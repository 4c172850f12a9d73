import '@testing-library/jest-dom';

import { Dialog } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { configure, fireEvent, screen, waitFor } from '@testing-library/dom';
import { axe, toHaveNoViolations } from 'jest-axe';

import type { ILauncherModel, IProfile } from '../../../cluster/state';
import { newCluster } from '../dialog';
import type { IDraft } from '../draft';
import { FakeHosts, recorded } from './fakehosts';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');

const CAN = {
  scale: 'live',
  stop_one: true,
  restart_one: true,
  interrupt_one: true,
  log_per_engine: true
} as const;

const LAUNCHERS: readonly ILauncherModel[] = [
  {
    name: 'slurm',
    title: trans.__('Slurm queue'),
    options: { type: 'object', properties: {} },
    capabilities: CAN,
    available: false,
    reason: 'sbatch was not found.'
  },
  {
    name: 'local',
    title: trans.__('This machine'),
    options: {
      type: 'object',
      properties: {
        working_dir: { type: 'string', title: trans.__('Working folder') },
        threads: {
          type: 'integer',
          title: trans.__('Threads per engine'),
          minimum: 1
        }
      }
    },
    capabilities: CAN,
    available: true,
    reason: null
  },
  {
    name: 'ssh',
    title: trans.__('Other machines by SSH'),
    options: {
      type: 'object',
      'x-test-hosts': true,
      properties: {
        hosts: {
          type: 'array',
          title: trans.__('Hosts'),
          items: {
            type: 'object',
            properties: {
              host: { type: 'string', title: trans.__('Host') },
              python: { type: 'string', title: trans.__('Python there') }
            }
          }
        },
        login_script: { type: 'string', title: trans.__('Login script') }
      }
    },
    capabilities: CAN,
    available: true,
    reason: null
  }
];

function profile(name: string, engines: number | null): IProfile {
  const from = { file: 'ipcluster_config.py', line: 3 };
  return {
    name,
    path: `/home/me/.ipython/profile_${name}`,
    launcher: 'local',
    loading: false,
    settings: engines ? [{ name: 'Cluster.n', value: engines, ...from }] : [],
    errors: [],
    options: {},
    as_written: null
  };
}

/** As the server refuses: a sentence and the field that it is about. */
class Refusal extends Error {
  constructor(
    message: string,
    readonly field: string | null
  ) {
    super(message);
  }
}

/** The dialog with what it sent; `refuse` is what the server says to the next. */
async function opened() {
  const sent: [IDraft, boolean][] = [];
  const server: { refuse: Error | null } = { refuse: null };
  const hosts = new FakeHosts();
  let closed = false;
  const done = newCluster({
    profiles: [profile('default', null), profile('mpi', 12)],
    launchers: LAUNCHERS,
    cores: 4,
    hosts,
    trans,
    create: async (draft, start) => {
      sent.push([draft, start]);
      if (server.refuse) {
        throw server.refuse;
      }
    }
  }).then(() => {
    closed = true;
  });
  await screen.findByLabelText('Profile');
  return { sent, server, hosts, done, closed: () => closed };
}

/** As a person fills in: the next field once this one shows it. */
async function fillIn(field: HTMLElement, value: string): Promise<void> {
  fireEvent.change(field, { target: { value } });
  await waitFor(() => expect(field).toHaveDisplayValue(value));
}
const fill = (label: string, value: string) =>
  fillIn(screen.getByLabelText(label), value);
const option = (name: string): HTMLElement => {
  const field = document.getElementById(`root_${name}`);
  if (!field) {
    throw new Error(`No option ${name}`);
  }
  return field;
};
const press = (name: string) => fireEvent.click(screen.getByText(name));

beforeAll(() => {
  // Of React: specs that attach a widget wait for the drawing themselves.
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
  // jsdom does not know that an attached dialog is open.
  configure({ defaultHidden: true });
});

afterEach(() => Dialog.tracker.forEach(dialog => dialog.reject()));

it('begins with what is likely: the default profile, a launcher that is there', async () => {
  const { sent, done } = await opened();
  press('Create');
  await done;
  expect(sent).toEqual([
    [
      {
        profile: 'default',
        clusterId: '',
        launcher: 'local',
        engines: 4,
        options: {}
      },
      false
    ]
  ]);
});

it('starts only when asked to, with what was filled in', async () => {
  const { sent, done } = await opened();
  await fill('Profile', 'new-one');
  await fill('Name', 'second');
  await fill('Engines', '12');
  press('Create and Start');
  await done;
  expect(sent).toMatchObject([
    [{ profile: 'new-one', clusterId: 'second', engines: 12 }, true]
  ]);
});

it('offers the number of engines that a profile asks for, until one is typed', async () => {
  const { sent, done } = await opened();
  const engines = screen.getByLabelText('Engines');
  await fill('Profile', 'mpi');
  await waitFor(() => expect(engines).toHaveDisplayValue('12'));
  await fill('Profile', 'another');
  await waitFor(() => expect(engines).toHaveDisplayValue('4'));
  await fill('Engines', '3');
  await fill('Profile', 'mpi');
  press('Create');
  await done;
  expect(sent).toMatchObject([[{ profile: 'mpi', engines: 3 }, false]]);
});

it('makes nothing when cancelled', async () => {
  const { sent, done } = await opened();
  press('Cancel');
  await done;
  expect(sent).toEqual([]);
});

it.each([
  ['Profile', '.hidden'],
  ['Profile', ''],
  ['Name', 'two words'],
  ['Name', 'x'.repeat(65)],
  ['Engines', '-1'],
  ['Engines', '']
])('does not send %s %j', async (label, value) => {
  const { sent, closed } = await opened();
  await fill(label, value);
  await waitFor(() =>
    expect(screen.getByLabelText(label)).toHaveAttribute('aria-invalid', 'true')
  );
  press('Create');
  await Promise.resolve();
  expect(sent).toEqual([]);
  expect(closed()).toBe(false);
});

it.each([
  ['profile', 'Profile'],
  ['cluster_id', 'Name'],
  ['engines', 'Engines']
])(
  'shows a refusal of %s at its field and stays open',
  async (field, label) => {
    const { server, sent, closed, done } = await opened();
    server.refuse = new Refusal('The site says no.', field);
    await fill('Name', 'kept');
    press('Create');
    const said = await screen.findByRole('alert');
    expect(said).toHaveTextContent('The site says no.');
    expect(said.parentElement).toContainElement(screen.getByLabelText(label));
    expect(screen.getByLabelText('Name')).toHaveValue('kept');
    expect(closed()).toBe(false);
    server.refuse = null;
    press('Create');
    await done;
    expect(sent).toHaveLength(2);
  }
);

it('shows a refusal of no field above the fields', async () => {
  const { server } = await opened();
  server.refuse = new Refusal('The server cannot be reached.', null);
  press('Create and Start');
  const said = await screen.findByRole('alert');
  expect(said).toHaveTextContent('The server cannot be reached.');
  expect(said.parentElement?.firstElementChild).toBe(said);
});

it('does not ask twice while the server thinks', async () => {
  let settle: () => void = () => undefined;
  let asked = 0;
  const done = newCluster({
    profiles: [profile('default', null)],
    launchers: LAUNCHERS,
    cores: 1,
    hosts: new FakeHosts(),
    trans,
    create: () => {
      asked += 1;
      return new Promise(resolve => {
        settle = resolve;
      });
    }
  });
  await screen.findByLabelText('Profile');
  press('Create');
  press('Create');
  settle();
  await done;
  expect(asked).toBe(1);
});

it('offers no launcher that is not there, and says why', async () => {
  await opened();
  const slurm = screen.getByRole('option', { name: /Slurm queue/ });
  expect(slurm).toBeDisabled();
  expect(slurm).toHaveAttribute('title', 'sbatch was not found.');
  expect(screen.getByRole('option', { name: 'This machine' })).toBeEnabled();
});

it('draws the options of the launcher, and sends only those that were given', async () => {
  const { sent, done } = await opened();
  await fillIn(option('working_dir'), '/tmp');
  await fillIn(option('threads'), '2');
  await fillIn(option('working_dir'), '');
  press('Create');
  await done;
  expect(sent[0][0].options).toEqual({ threads: 2 });
});

it('has no accessibility fault', async () => {
  await opened();
  document.querySelector('details')?.setAttribute('open', '');
  const form = document.querySelector('.jlc-NewCluster');
  expect(await axe(form as Element)).toHaveNoViolations();
});

describe('with a launcher whose hosts can be tested', () => {
  async function withHost(name: string) {
    const all = await opened();
    const launcher = screen.getByLabelText('Where engines run');
    fireEvent.change(launcher, { target: { value: 'ssh' } });
    await waitFor(() => option('login_script'));
    expect(screen.queryByText('Test hosts')).toBeNull();
    const add = await screen.findByTitle('Add item');
    fireEvent.click(add);
    await waitFor(() => option('hosts_0_host'));
    await fillIn(option('hosts_0_host'), name);
    await screen.findByText('Test hosts');
    return all;
  }

  it('offers to test them once one is named', async () => {
    const { hosts, done, sent } = await withHost('node1');
    press('Test hosts');
    expect(hosts.asked).toEqual(['test ssh {"hosts":[{"host":"node1"}]}']);
    hosts.tell({ hosts: recorded().hosts });
    await screen.findByRole('row', { name: /^node3/ });
    press('Create');
    await done;
    expect(sent[0][0].options).toEqual({ hosts: [{ host: 'node1' }] });
  });

  it('leaves Enter and Escape to the parts of the form that know them', async () => {
    const { hosts, sent, closed } = await withHost('node2:2222');
    hosts.tell({ hosts: recorded().hosts });
    const toggle = await screen.findByRole('button', { name: /^node3: / });
    for (const part of [toggle, screen.getByText('Test hosts')]) {
      part.focus();
      expect(fireEvent.keyDown(part, { key: 'Enter' })).toBe(true);
    }
    fireEvent.click(screen.getByRole('button', { name: /^Accept key of/ }));
    const cancel = await screen.findByRole('button', { name: 'Not now' });
    fireEvent.keyDown(cancel, { key: 'Escape' });
    await waitFor(() => expect(screen.queryByText('Not now')).toBeNull());
    expect([sent, closed()]).toEqual([[], false]);
  });

  it('has no accessibility fault', async () => {
    const { hosts } = await withHost('node1');
    hosts.tell({ hosts: recorded().hosts });
    await screen.findByRole('row', { name: /^node3/ });
    const part = document.querySelector('.jlc-Hosts');
    expect(await axe(part as Element)).toHaveNoViolations();
  });
});
