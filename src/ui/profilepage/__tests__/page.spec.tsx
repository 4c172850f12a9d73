import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { axe, toHaveNoViolations } from 'jest-axe';
import React from 'react';

import type { ILauncherModel, IPlace, IProfile } from '../../../cluster/state';
import { FakeHosts } from '../../hosts/__tests__/fakehosts';
import { ProfilePage } from '../page';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');
const FOLDER = '/home/ada/.ipython/profile_p';
const PY = `${FOLDER}/ipcluster_config.py`;
const JSON_FILE = `${FOLDER}/ipcluster_config.json`;

const PROFILE: IProfile = {
  name: 'p',
  path: FOLDER,
  launcher: 'local',
  loading: false,
  settings: [
    {
      name: 'Cluster.n',
      value: 8,
      file: JSON_FILE,
      line: 3,
      overrides: { file: PY, line: 12 }
    },
    {
      name: 'IPController.hello',
      value: ['a', { b: 1 }],
      file: '/etc/ipython/ipcontroller_config.py',
      line: null,
      overrides: null
    }
  ],
  errors: [{ message: 'NameError: x', file: PY, line: 14 }],
  options: { threads: 2 },
  as_written: null
};

const LAUNCHER: ILauncherModel = {
  name: 'local',
  title: trans.__('This machine'),
  options: {
    type: 'object',
    properties: {
      threads: { type: 'integer', title: trans.__('Threads per engine') },
      start: { type: 'string', title: trans.__('Start'), default: 'auto' }
    }
  },
  capabilities: {
    scale: 'live',
    stop_one: true,
    restart_one: true,
    interrupt_one: true,
    log_per_engine: true
  },
  available: true,
  reason: null,
  presets: []
};

class Refusal extends Error {
  constructor(
    message: string,
    readonly field: string
  ) {
    super(message);
  }
}

function shown(part: Partial<IProfile> = {}) {
  const opened: IPlace[] = [];
  const saved: unknown[][] = [];
  const server: { refuse: Error | null; opens: 'opened' | 'copied' } = {
    refuse: null,
    opens: 'copied'
  };
  const hosts = new FakeHosts();
  const page = (profile: IProfile) => (
    <ProfilePage
      profile={profile}
      launchers={[LAUNCHER]}
      hosts={hosts}
      trans={trans}
      actions={{
        open: async place => {
          opened.push({ file: place.file, line: place.line });
          return server.opens;
        },
        save: async (...given) => {
          saved.push(given);
          if (server.refuse) {
            throw server.refuse;
          }
        },
        read: () => undefined
      }}
    />
  );
  const drawn = render(page({ ...PROFILE, ...part }));
  const becomes = (now: Partial<IProfile>) =>
    drawn.rerender(page({ ...PROFILE, ...now }));
  const user = userEvent.setup();
  return { opened, saved, server, user, becomes, hosts, ...drawn };
}

const threads = () => document.getElementById('root_threads') as HTMLElement;
const save = () => screen.getByRole('button', { name: 'Save to profile' });

it('shows each setting with its value and the place that makes it', () => {
  shown();
  const n = screen.getByRole('row', { name: /^Cluster\.n/ });
  expect(within(n).getAllByRole('cell')[0]).toHaveTextContent('8');
  expect(n).toHaveTextContent('ipcluster_config.json, line 3');
  expect(n).toHaveTextContent('overrides ipcluster_config.py, line 12');
  const hello = screen.getByRole('row', { name: /^IPController/ });
  expect(hello).toHaveTextContent('[ "a", { "b": 1 } ]');
  expect(hello).toHaveTextContent('/etc/ipython/ipcontroller_config.py');
  expect(hello).not.toHaveTextContent('overrides');
});

it('shows errors first, and leads to their line', async () => {
  const { opened, user } = shown();
  const error = screen.getByRole('alert');
  expect(error).toHaveTextContent('NameError: x');
  await user.click(within(error).getByRole('button'));
  expect(opened).toEqual([{ file: PY, line: 14 }]);
  expect(screen.getByText(`Copied: ${PY}:14`)).toBeInTheDocument();
});

it('says nothing of copies where the file was opened', async () => {
  const { server, user } = shown();
  server.opens = 'opened';
  await user.click(within(screen.getByRole('alert')).getByRole('button'));
  expect(screen.queryByText(/^Copied/)).toBeNull();
});

it('finds settings by name, value and file as they are shown', async () => {
  const { user } = shown();
  const search = screen.getByRole('searchbox', { name: 'Search settings' });
  await user.type(search, 'cluster JSON 8');
  expect(screen.getAllByRole('row')).toHaveLength(2);
  expect(screen.getByText('1 of 2')).toBeInTheDocument();
  await user.clear(search);
  await user.type(search, 'etc/ipython');
  expect(screen.getByRole('row', { name: /^IPController/ })).toBeVisible();
  await user.clear(search);
  await user.type(search, 'profile_p');
  expect(screen.getByText('0 of 2')).toBeInTheDocument();
});

it('saves what was changed and nothing else', async () => {
  const { saved, user } = shown();
  expect(save()).toBeDisabled();
  expect(threads()).toHaveValue(2);
  await user.clear(threads());
  await user.type(threads(), '4');
  await user.click(save());
  expect(saved).toEqual([['local', { threads: 4 }, 8]]);
  expect(await screen.findByText(/^Saved to/)).toHaveTextContent(
    'ipcluster start --profile=p starts the same'
  );
});

it('follows the profile until something is changed, and goes back to it', async () => {
  const { becomes, user } = shown();
  becomes({ options: { threads: 6 } });
  expect(threads()).toHaveValue(6);
  await user.clear(threads());
  await user.type(threads(), '7');
  becomes({ options: { threads: 8 } });
  expect(threads()).toHaveValue(7);
  await user.click(screen.getByRole('button', { name: 'Discard changes' }));
  expect(threads()).toHaveValue(8);
  expect(save()).toBeDisabled();
});

it('shows at an option what the server has against it, and keeps the change', async () => {
  const { server, user } = shown();
  server.refuse = new Refusal('Too many threads.', 'options.threads');
  await user.clear(threads());
  await user.type(threads(), '99');
  await user.click(save());
  await screen.findByText(/Too many threads/);
  expect(threads()).toHaveValue(99);
  expect(save()).toBeEnabled();
});

it('says why a profile is run as it is written', () => {
  shown({ as_written: 'It has a batch template of its own.' });
  expect(
    screen.getByText(/It has a batch template of its own/)
  ).toBeInTheDocument();
});

it('has no accessibility fault', async () => {
  const { container } = shown();
  await waitFor(() => threads());
  expect(await axe(container)).toHaveNoViolations();
});
