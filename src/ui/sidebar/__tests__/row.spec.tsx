import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { axe } from 'jest-axe';
import React from 'react';

import type { ClusterState, ICluster } from '../../../cluster/state';
import { Row } from '../row';

const trans = nullTranslator.load('jupyterlab_clusters');

function cluster(state: ClusterState): ICluster {
  return {
    key: 'default:',
    profile: 'default',
    cluster_id: '',
    launcher: 'local',
    host: null,
    origin: 'ours',
    state,
    step: null,
    wanted: 4,
    engines: { launched: 3, registered: 3, busy: 0, lost: 0 },
    degraded: false,
    failure: null,
    job: null,
    capabilities: {
      scale: 'live',
      stop_one: true,
      restart_one: true,
      interrupt_one: true,
      log_per_engine: true
    },
    started_at: null,
    connection_file: null
  };
}

it.each<[ClusterState, string, 'start' | 'stop']>([
  ['stopped', 'Start', 'start'],
  ['starting', 'Stop', 'stop'],
  ['running', 'Stop', 'stop'],
  ['stopping', 'Stop', 'stop'],
  ['failed', 'Try again', 'start']
])('%s offers %s', async (state, label, verb) => {
  const actions = {
    start: jest.fn(),
    stop: jest.fn(),
    scale: jest.fn(),
    openLog: jest.fn()
  };
  const { container } = render(
    <ul>
      <Row
        cluster={cluster(state)}
        asked={undefined}
        cores={2}
        stale={false}
        actions={actions}
        trans={trans}
      />
    </ul>
  );
  expect(screen.getByText(state)).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: label }));
  expect(actions[verb].mock.calls[0][0]).toBe('default:');
  expect((await axe(container)).violations).toEqual([]);
});
