import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { axe, toHaveNoViolations } from 'jest-axe';
import React from 'react';

import type { IConnection } from '../../../cluster/state';
import { cluster } from '../../engines/__tests__/pieces';
import { Connect } from '../connect';

expect.extend(toHaveNoViolations);

const trans = nullTranslator.load('jupyterlab_clusters');
const PLACE: IConnection = {
  host: 'login1',
  user: 'ada',
  sshserver: 'ada@login1',
  path: "/home/ada's/security/ipcontroller-x-client.json",
  content: null
};

function shown(interface_ = 'tcp://127.0.0.1') {
  const copied: string[] = [];
  const saved: string[][] = [];
  const server: { asked: number; refuse: Error | null } = {
    asked: 0,
    refuse: null
  };
  const text = JSON.stringify({ interface: interface_, key: 'secret' });
  const drawn = render(
    <Connect
      cluster={cluster({ profile: 'p', cluster_id: 'x', wanted: 2 })}
      place={PLACE}
      trans={trans}
      content={async () => {
        server.asked += 1;
        if (server.refuse) {
          throw server.refuse;
        }
        return text;
      }}
      copy={one => copied.push(one)}
      save={(name, one) => saved.push([name, one])}
    />
  );
  return { copied, saved, server, text, user: userEvent.setup(), ...drawn };
}

const part = (name: string) => screen.getByRole('region', { name });
const key = () =>
  screen.getByRole('button', { name: 'Show the connection file' });

it('gives the way by ssh, to be copied', async () => {
  const { copied, user } = shown();
  await user.click(
    screen.getByRole('button', { name: 'Copy: In a terminal there' })
  );
  await user.click(
    screen.getByRole('button', { name: 'Copy: In Python there' })
  );
  expect(copied[0]).toBe(
    `scp 'ada@login1:/home/ada'\\''s/security/ipcontroller-x-client.json' .`
  );
  expect(copied[1]).toContain(
    'ipp.Client("ipcontroller-x-client.json", sshserver="ada@login1", timeout=60)'
  );
  expect(copied[1]).toContain('rc.wait_for_engines(2, timeout=60)');
});

it('takes another address, and names no file where the home folder is the same', async () => {
  const { user } = shown();
  const server = screen.getByLabelText('ssh reaches it as');
  await user.clear(server);
  await user.type(server, 'a"b@there');
  await user.click(screen.getByLabelText('My home folder is the same there'));
  expect(part('In Python there')).toHaveTextContent(
    String.raw`Client(sshserver="a\"b@there", profile="p", cluster_id="x", timeout=60)`
  );
  expect(screen.queryByText('In a terminal there')).toBeNull();
});

it('asks for the key only when the person does', async () => {
  const { server, saved, text, user, container } = shown();
  expect(server.asked).toBe(0);
  expect(container).not.toHaveTextContent('secret');
  await user.click(key());
  expect(part('ipcontroller-x-client.json')).toHaveTextContent('secret');
  await user.click(screen.getByRole('button', { name: 'Save as a file' }));
  expect(saved).toEqual([['ipcontroller-x-client.json', text]]);
  expect(container).toHaveTextContent('listens to its own machine only');
});

it('gives the code without ssh where the controller can be reached', async () => {
  const { user } = shown('tcp://*');
  await user.click(key());
  expect(part('In Python beside the file')).toHaveTextContent(
    'Client("ipcontroller-x-client.json", timeout=60)'
  );
});

it('says why the file cannot be had', async () => {
  const { server, user } = shown();
  server.refuse = new Error('This cluster is stopped, not running.');
  await user.click(key());
  expect(await screen.findByRole('alert')).toHaveTextContent('is stopped');
});

it('has no accessibility fault', async () => {
  const { container, user } = shown();
  await user.click(key());
  expect(await axe(container)).toHaveNoViolations();
});
