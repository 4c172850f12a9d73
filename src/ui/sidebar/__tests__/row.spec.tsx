import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { axe, toHaveNoViolations } from 'jest-axe';
import React from 'react';

import type { ICluster, IProfile } from '../../../cluster/state';
import { cluster } from '../../engines/__tests__/pieces';
import type { IRowProps } from '../row';
import { Row } from '../row';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');

const FAILURE = {
  step: 'controller',
  cause: 'A port that the controller was told to use is taken.',
  hint: 'Choose another port in the profile.',
  command: null,
  exit_code: 1,
  output: 'Address already in use',
  log: 'controller'
};

const NONE = { launched: 0, registered: 0, busy: 0, lost: 0 };

function shown(fields: Partial<ICluster> = {}, props: Partial<IRowProps> = {}) {
  const said: string[] = [];
  const say =
    (verb: string) =>
    (...args: unknown[]) => {
      said.push(
        [verb, ...args.filter(one => typeof one !== 'object')].join(' ')
      );
    };
  const { container } = render(
    <ul>
      <Row
        cluster={cluster(fields)}
        asked={undefined}
        profile={undefined}
        selected={false}
        tabbable
        cores={4}
        stale={false}
        actions={{
          select: say('select'),
          start: say('start'),
          stop: say('stop'),
          clear: say('clear'),
          scale: say('scale'),
          keep: say('keep'),
          openLog: say('log'),
          showOutput: say('output'),
          insertCode: say('insert'),
          menu: say('menu'),
          drag: say('drag')
        }}
        trans={trans}
        {...props}
      />
    </ul>
  );
  return { said, container };
}

/** user-event selects text with ranges, which the stand-in for a browser does not have. */
function choose(value: string): void {
  fireEvent.change(screen.getByRole('combobox'), { target: { value } });
}

const STATES: [string, Partial<ICluster>, string[], string[]][] = [
  ['stopped', { state: 'stopped', engines: NONE }, ['stopped'], ['Start']],
  [
    'starting',
    {
      state: 'starting',
      step: 'engines',
      engines: { ...NONE, launched: 4, registered: 3 }
    },
    ['starting', '3 of 4 registered'],
    ['Stop']
  ],
  [
    'queued',
    {
      state: 'starting',
      step: 'queue',
      engines: NONE,
      job: {
        id: '7',
        state: 'PENDING',
        reason: 'Resources',
        explanation: 'waiting for nodes: 3 of 3 are in use',
        expected_start: null,
        time_left: null,
        time_limit: null,
        partition: 'long',
        nodes: [],
        asked_at: null
      }
    },
    ['Job 7 · waiting for nodes: 3 of 3 are in use'],
    ['Stop']
  ],
  ['running', {}, ['running', '4 engines'], ['Stop', 'Insert code']],
  [
    'degraded',
    {
      degraded: true,
      engines: { launched: 3, registered: 3, busy: 1, lost: 1 }
    },
    ['degraded', '3 of 4 engines · 1 busy · 1 lost'],
    ['Stop']
  ],
  [
    'stopping',
    { state: 'stopping', step: 'drain' },
    ['stopping', 'Waiting for 4 engines to end…'],
    ['Stop']
  ],
  [
    'failed',
    { state: 'failed', engines: NONE, failure: FAILURE },
    ['failed', FAILURE.cause, FAILURE.hint],
    ['Try again', 'Show output', 'Open log']
  ]
];

describe('a row', () => {
  it.each(STATES)('tells that it is %s', async (_, fields, texts, buttons) => {
    const { container } = shown(fields);
    for (const text of texts) {
      expect(screen.getAllByText(text)[0]).toBeVisible();
    }
    for (const name of buttons) {
      expect(screen.getByRole('button', { name })).toBeVisible();
    }
    expect(await axe(container)).toHaveNoViolations();
  });

  it('starts with the number that was chosen', async () => {
    const { said } = shown({ state: 'stopped', engines: NONE, wanted: 2 });
    const count = screen.getByRole('combobox', { name: 'Engines of default' });
    expect(count).toHaveValue('2');
    choose('16');
    expect(said).not.toContain('scale default: 16');
    await userEvent.click(screen.getByRole('button', { name: 'Start' }));
    expect(said).toContain('start default: 16');
  });

  it('scales when another number is chosen while it runs', () => {
    const { said } = shown();
    choose('8');
    expect(said).toContain('scale default: 8');
  });

  it('tells of its batch job', () => {
    shown({
      state: 'starting',
      step: 'queue',
      engines: NONE,
      job: {
        id: '17',
        state: 'PENDING',
        reason: 'Resources',
        explanation: 'waiting for nodes: 3 of 3 are in use',
        expected_start: null,
        time_left: null,
        time_limit: null,
        partition: 'short',
        nodes: [],
        asked_at: new Date().toISOString()
      }
    });
    expect(
      screen.getByText('Job 17 · waiting for nodes: 3 of 3 are in use')
    ).toBeVisible();
  });

  it('gets the engines that are missing back with one click', async () => {
    const lost = { launched: 3, registered: 3, busy: 0, lost: 1 };
    const { said } = shown({ degraded: true, engines: lost, wanted: 4 });
    await userEvent.click(screen.getByRole('button', { name: 'Replace lost' }));
    expect(said).toContain('scale default: 4');
  });

  it('tries again what failed of a cluster that runs', async () => {
    const engines = { launched: 3, registered: 3, busy: 0, lost: 0 };
    const fields = { degraded: true, failure: FAILURE, engines, wanted: 4 };
    const { said } = shown(fields);
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(said).toContain('scale default: 4');
  });

  it('takes any other number by Custom…', () => {
    const { said } = shown();
    choose('custom');
    const field = screen.getByRole('spinbutton', {
      name: 'Engines of default'
    });
    fireEvent.change(field, { target: { value: '7' } });
    fireEvent.keyDown(field, { key: 'Enter' });
    expect(said).toContain('scale default: 7');
    expect(screen.getByRole('combobox')).toBeVisible();
  });

  it('forgets a custom number on Escape', () => {
    const { said } = shown();
    choose('custom');
    const field = screen.getByRole('spinbutton');
    fireEvent.change(field, { target: { value: '9' } });
    fireEvent.keyDown(field, { key: 'Escape' });
    expect(said.filter(one => one.startsWith('scale'))).toEqual([]);
  });

  it("marks the profile's own number and offers it", () => {
    const profile: IProfile = {
      name: 'default',
      path: '/p',
      launcher: 'local',
      loading: false,
      settings: [
        {
          name: 'Cluster.n',
          value: 6,
          file: '/p/c.py',
          line: 1,
          overrides: null
        }
      ],
      errors: [],
      options: {},
      as_written: null
    };
    shown({ state: 'stopped', engines: NONE }, { profile });
    expect(
      screen.getByRole('option', { name: '6 engines (profile)' })
    ).toHaveValue('6');
  });

  it('tells who runs a profile as it is written, and why', () => {
    const as_written = "By ipyparallel's own launcher, since it sets X.";
    shown({ as_written }, { selected: true });
    expect(screen.getByText('as written')).toHaveAttribute('title', as_written);
    expect(screen.getByText(as_written)).toBeVisible();
  });

  it('says where a profile is broken', () => {
    const errors = [
      { message: 'invalid syntax', file: '/p/ipcluster_config.py', line: 2 }
    ];
    shown(
      {},
      {
        profile: {
          name: 'default',
          path: '/p',
          launcher: 'local',
          loading: false,
          settings: [],
          errors,
          options: {},
          as_written: null
        }
      }
    );
    expect(screen.getByText(/invalid syntax/)).toBeVisible();
    expect(screen.getByText('/p/ipcluster_config.py, line 2')).toBeVisible();
  });

  it('leads to output and log of a failure', async () => {
    const { said } = shown({
      state: 'failed',
      failure: FAILURE,
      engines: NONE
    });
    await userEvent.click(screen.getByRole('button', { name: 'Show output' }));
    await userEvent.click(screen.getByRole('button', { name: 'Open log' }));
    expect(said).toEqual(
      expect.arrayContaining(['output default:', 'log default: controller'])
    );
  });

  it('lets nothing be asked for while the server is out of reach', () => {
    shown({}, { stale: true });
    expect(screen.getByRole('combobox')).toBeDisabled();
    expect(screen.getByRole('button', { name: 'Stop' })).toBeDisabled();
  });

  it('tells what was asked for until it is seen', () => {
    shown({}, { asked: 'stop' });
    expect(screen.getByText('asked to stop')).toBeVisible();
  });

  it('names a stale file, and clears the one that was seen', async () => {
    const left = { path: '/p/ipcontroller-client.json', mark: 'm1' };
    const { said, container } = shown({
      state: 'stopped',
      engines: NONE,
      stale: { ...left, sentence: 'It was left behind.' }
    });
    expect(screen.getByText('It was left behind.')).toBeVisible();
    expect(screen.getByText('/p/ipcontroller-client.json')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Clear' }));
    expect(said).toContain('clear default: m1');
    expect(await axe(container)).toHaveNoViolations();
  });

  it('offers to clear nothing of which nothing is known', () => {
    shown({
      state: 'stopped',
      engines: NONE,
      unreachable: { path: '/p/x', sentence: 'Not from here.', mark: 'm' }
    });
    expect(screen.getByText('Not from here.')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Clear' })).toBeNull();
  });

  it('lets clusters that others started be stopped, and nothing else', async () => {
    const { said } = shown({ origin: 'external' });
    expect(screen.getByText('external')).toBeVisible();
    expect(screen.queryByRole('combobox')).toBeNull();
    expect(screen.queryByRole('button', { name: 'Start' })).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Stop' }));
    expect(said).toContain('stop default:');
  });
});

it('says when an idle cluster is stopped, and why one was', async () => {
  const ends_at = new Date(Date.now() + 1799 * 1000).toISOString();
  const { said, container } = shown({
    idle: { since: '2026-11-21T11:20:00Z', ends_at }
  });
  expect(container).toHaveTextContent('No engine is busy: stops in 30 min');
  await userEvent.click(screen.getByRole('button', { name: 'Keep default' }));
  expect(said).toEqual(['keep default:']);
  expect(await axe(container)).toHaveNoViolations();
  const notice = 'Stopped after 30 minutes with no busy engine.';
  shown({ state: 'stopped', engines: NONE, notice });
  expect(screen.getByText(notice)).toBeVisible();
});

describe('a server that allows less', () => {
  const no_start = 'This site does not allow the launcher "mpi".';
  const no_stop = 'This server lets clusters only be looked at.';

  it('has a Start that says why it cannot be pressed', async () => {
    const { container } = shown(
      { state: 'stopped', engines: NONE, no_start },
      { selected: true }
    );
    const start = screen.getByRole('button', { name: 'Start' });
    expect(start).toBeDisabled();
    expect(start).toHaveAttribute('title', no_start);
    expect(screen.getByRole('combobox')).toBeDisabled();
    expect(screen.getByText(no_start)).toBeVisible();
    expect(await axe(container)).toHaveNoViolations();
  });

  it('has a Stop for what may not be started any more, unless it may only be looked at', () => {
    shown({ no_start });
    expect(screen.getByRole('button', { name: 'Stop' })).toBeEnabled();
    cleanup();
    shown({ no_start: no_stop, no_stop });
    expect(screen.getByRole('button', { name: 'Stop' })).toBeDisabled();
  });

  it('offers no more engines than it allows, and takes no more', () => {
    const { said } = shown({
      state: 'stopped',
      engines: NONE,
      wanted: 1,
      max_engines: 3
    });
    const offered = screen.getAllByRole('option').map(one => one.textContent);
    expect(offered).toEqual(['1 engine', '2 engines', 'Custom…']);
    choose('custom');
    const field = screen.getByRole('spinbutton');
    fireEvent.change(field, { target: { value: '50' } });
    fireEvent.keyDown(field, { key: 'Enter' });
    fireEvent.click(screen.getByRole('button', { name: 'Start' }));
    expect(said).toContain('start default: 3');
  });
});
