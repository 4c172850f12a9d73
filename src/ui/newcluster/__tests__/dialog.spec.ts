import '@testing-library/jest-dom';

import { Dialog } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { configure, fireEvent, screen, waitFor } from '@testing-library/dom';
import { axe, toHaveNoViolations } from 'jest-axe';

import type {
  ILauncherModel,
  IPreview,
  IProfile
} from '../../../cluster/state';
import { newCluster } from '../dialog';
import type { IWanted } from '../body';
import { ALL_CAN as CAN } from '../../../cluster/__tests__/pieces';
import { FakeHosts, recorded } from '../../hosts/__tests__/fakehosts';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');

const LAUNCHERS: readonly ILauncherModel[] = [
  {
    name: 'slurm',
    title: trans.__('Slurm queue'),
    options: { type: 'object', properties: {} },
    capabilities: CAN,
    available: false,
    reason: 'sbatch was not found.',
    presets: []
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
        },
        start_method: {
          type: 'string',
          title: trans.__('How engines start'),
          default: 'auto'
        }
      }
    },
    capabilities: CAN,
    available: true,
    reason: null,
    presets: []
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
    reason: null,
    presets: []
  }
];

function profile(name: string, engines: number | null): IProfile {
  const from = { file: 'ipcluster_config.py', line: 3, overrides: null };
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

const PROFILES: readonly IProfile[] = [
  profile('default', null),
  profile('mpi', 12),
  {
    ...profile('far', null),
    launcher: 'ssh',
    options: { hosts: [{ host: 'node1', engines: 8 }], login_script: '~/mods' }
  },
  { ...profile('calm', null), options: { threads: 1 } },
  { ...profile('queue', null), launcher: 'slurm' },
  {
    ...profile('proxy', null),
    launcher: 'ssh',
    as_written: 'ipcluster there starts the engines.'
  },
  {
    ...profile('own', null),
    as_written: 'This profile runs as it is written.'
  }
];

const PREVIEW: IPreview = {
  commands: [['sbatch', '--parsable', '/home/me/my job.sh']],
  files: [{ path: '/home/me/my job.sh', text: '#!/bin/sh\nsrun x\n' }],
  script: '#!/bin/sh\nsrun x\n',
  notes: ['It would start at 12:03.']
};

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
  const sent: [IWanted, boolean][] = [];
  const previewed: IWanted[] = [];
  const copied: string[] = [];
  const server: { refuse: Error | null } = { refuse: null };
  const hosts = new FakeHosts();
  let closed = false;
  const done = newCluster({
    profiles: PROFILES,
    launchers: LAUNCHERS,
    cores: 4,
    hosts,
    trans,
    copy: text => copied.push(text),
    preview: async wanted => {
      previewed.push(wanted);
      if (server.refuse) {
        throw server.refuse;
      }
      return PREVIEW;
    },
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
  return { sent, previewed, copied, server, hosts, done, closed: () => closed };
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
        options: {},
        whole: {},
        remember: true,
        forProfile: null
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
    copy: () => undefined,
    preview: async () => PREVIEW,
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

it('names the fields that it draws', async () => {
  await opened();
  await waitFor(() =>
    expect(option('threads')).toHaveAccessibleName('Threads per engine')
  );
});

it('has no accessibility fault', async () => {
  await opened();
  document.querySelector('details')?.setAttribute('open', '');
  const form = document.querySelector('.jlc-NewCluster');
  expect(await axe(form as Element)).toHaveNoViolations();
});

it('shows a refusal of an option at that option', async () => {
  const { server } = await opened();
  server.refuse = new Refusal('Too many threads.', 'options.threads');
  await fillIn(option('threads'), '99');
  press('Create');
  await waitFor(() =>
    expect(
      option('threads').closest('.form-group, .jp-FormGroup-content')
        ?.textContent
    ).toContain('Too many threads.')
  );
  expect(document.querySelector('details')?.open).toBe(true);
});

describe('a profile that says more', () => {
  it('fills in launcher, hosts, options and number', async () => {
    const { sent, done } = await opened();
    await fill('Profile', 'far');
    await waitFor(() =>
      expect(screen.getByLabelText('Host 1')).toHaveValue('node1')
    );
    expect(option('login_script')).toHaveValue('~/mods');
    expect(screen.getByLabelText('Engines')).toHaveDisplayValue('8');
    press('Create');
    await done;
    // What the profile says holds by itself, also when it is changed later.
    expect(sent).toMatchObject([
      [{ launcher: 'ssh', engines: 8, options: {}, forProfile: null }, false]
    ]);
  });

  it('fills in options also where the form has filled in its own defaults', async () => {
    await opened();
    await fill('Name', 'any');
    await fill('Profile', 'calm');
    await waitFor(() => expect(option('threads')).toHaveDisplayValue('1'));
  });

  it('is told what was changed, unless it is not to remember', async () => {
    const { sent, done } = await opened();
    await fill('Profile', 'far');
    await waitFor(() => option('login_script'));
    await fillIn(option('login_script'), '');
    press('Create');
    await done;
    const hosts = [{ host: 'node1', engines: 8 }];
    expect(sent[0][0].options).toEqual({ hosts, login_script: '' });
    expect(sent[0][0].forProfile).toEqual({ hosts });
  });

  it('gets nothing from a cluster with a name of its own, unless asked to', async () => {
    const { sent, done } = await opened();
    const box = screen.getByRole('checkbox', { name: /^Remember/ });
    expect(box).toBeChecked();
    await fill('Name', 'second');
    await waitFor(() => expect(box).not.toBeChecked());
    await fillIn(option('threads'), '2');
    press('Create');
    await done;
    expect(sent[0][0].forProfile).toBeNull();
  });

  it('takes back what was typed and removed in a moment', async () => {
    const { sent, done } = await opened();
    fireEvent.change(option('working_dir'), { target: { value: '/x' } });
    fireEvent.change(option('working_dir'), { target: { value: '' } });
    press('Create');
    await done;
    expect(sent[0][0].options).toEqual({});
  });

  it('keeps its launcher where that is not here, and says why', async () => {
    const { sent, done } = await opened();
    await fill('Profile', 'queue');
    await screen.findByText('sbatch was not found.');
    press('Create');
    await done;
    expect(sent).toMatchObject([
      [{ launcher: 'slurm', forProfile: null }, false]
    ]);
  });

  it('leaves what a person chose as it is', async () => {
    await opened();
    await fillIn(option('threads'), '2');
    await fill('Profile', 'far');
    expect(option('threads')).toHaveDisplayValue('2');
  });

  it('says so when it runs as written', async () => {
    await opened();
    await fill('Profile', 'own');
    await screen.findByText('This profile runs as it is written.');
    expect(
      screen.getByRole('checkbox', { name: /^Remember/ })
    ).not.toBeChecked();
  });
});

describe('Preview', () => {
  it('shows script, commands and notes, copies, and goes back to the form', async () => {
    const { previewed, copied, sent } = await opened();
    await fill('Name', 'kept');
    press('Preview');
    const script = await screen.findByRole('region', { name: 'Script' });
    expect(script).toHaveTextContent('#!/bin/sh srun x');
    expect(script).toHaveTextContent('/home/me/my job.sh');
    expect(screen.getByRole('region', { name: 'Command' })).toHaveTextContent(
      "sbatch --parsable '/home/me/my job.sh'"
    );
    expect(screen.getByText('It would start at 12:03.')).toBeInTheDocument();
    expect(screen.queryByRole('region', { name: 'File' })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Copy: Script' }));
    expect(copied).toEqual(['#!/bin/sh\nsrun x\n']);
    press('Back to the form');
    await waitFor(() =>
      expect(screen.getByLabelText('Name')).toHaveValue('kept')
    );
    expect(previewed).toMatchObject([{ clusterId: 'kept', engines: 4 }]);
    expect(sent).toEqual([]);
  });

  it('shows what the server has against it at the field', async () => {
    const { server } = await opened();
    server.refuse = new Refusal('Too many.', 'engines');
    press('Preview');
    const said = await screen.findByRole('alert');
    expect(said.parentElement).toContainElement(
      screen.getByLabelText('Engines')
    );
  });

  it('has no accessibility fault', async () => {
    await opened();
    press('Preview');
    await screen.findByRole('region', { name: 'Script' });
    const body = document.querySelector('.jlc-NewCluster');
    expect(await axe(body as Element)).toHaveNoViolations();
  });
});

describe('with a launcher whose hosts can be tested', () => {
  async function withHost(name: string) {
    const all = await opened();
    const launcher = screen.getByLabelText('Where engines run');
    fireEvent.change(launcher, { target: { value: 'ssh' } });
    await waitFor(() => option('login_script'));
    await screen.findByText('Test hosts');
    await fill('Host 1', name);
    return all;
  }

  it('offers to test them once one is named', async () => {
    const { hosts, done, sent } = await withHost('node1');
    press('Test hosts');
    expect(hosts.asked).toEqual(['test ssh {"hosts":[{"host":"node1"}]}']);
    hosts.tell({ hosts: recorded().hosts });
    await screen.findByText(/3 of 4|Testing 1 host/);
    press('Create');
    await done;
    expect(sent[0][0].options).toEqual({ hosts: [{ host: 'node1' }] });
  });

  it('needs no host where the profile says by itself what is to be done', async () => {
    const { sent, done } = await opened();
    await fill('Profile', 'proxy');
    await fill('Name', 'second');
    press('Create');
    await done;
    expect(sent).toMatchObject([[{ launcher: 'ssh', options: {} }, false]]);
  });

  it('is not sent without a host, and says so at the first line', async () => {
    const { sent } = await withHost('');
    press('Create');
    const said = await screen.findByRole('alert');
    expect(said).toHaveTextContent('Name at least one host.');
    expect(screen.getByLabelText('Host 1')).toHaveAccessibleDescription(
      'Name at least one host.'
    );
    expect(sent).toEqual([]);
  });

  it('shows a refusal of a host at its line', async () => {
    const { server } = await withHost('-oProxyCommand');
    server.refuse = new Refusal(
      'This cannot be meant.',
      'options.hosts.0.host'
    );
    press('Create');
    await screen.findByRole('alert');
    expect(screen.getByLabelText('Host 1')).toHaveAccessibleDescription(
      'This cannot be meant.'
    );
  });

  it('leaves Enter and Escape to the parts of the form that know them', async () => {
    const { hosts, sent, closed } = await withHost('node2:2222');
    hosts.tell({ hosts: recorded().hosts });
    const toggle = await screen.findByRole('button', {
      name: /^node2:2222: /
    });
    for (const part of [
      toggle,
      screen.getByText('Test hosts'),
      screen.getByLabelText('Host 1')
    ]) {
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
    const { hosts } = await withHost('node3');
    hosts.tell({ hosts: recorded().hosts });
    await screen.findByRole('button', { name: /^node3: / });
    const part = document.querySelector('.jlc-Hosts');
    expect(await axe(part as Element)).toHaveNoViolations();
  });
});
