import { ServerConnection } from '@jupyterlab/services';

import { Calls, ResponseError } from '../calls';

interface ISeen {
  url: string;
  method: string;
  body: string;
}

/** Calls to a server that gives one answer, and what it was asked. */
function server(
  status: number,
  body: string,
  type = 'application/json'
): { calls: Calls; seen: ISeen[] } {
  const seen: ISeen[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const { url, method } = request;
    seen.push({ url, method, body: await request.text() });
    const headers = { 'Content-Type': type };
    return new Response(status === 204 ? null : body, { status, headers });
  };
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://here/base/',
    fetch: fetch as ServerConnection.ISettings['fetch']
  });
  return { calls: new Calls(settings), seen };
}

async function refusal(promise: Promise<unknown>): Promise<ResponseError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason
  );
  expect(error).toBeInstanceOf(ResponseError);
  return error as ResponseError;
}

describe('Calls', () => {
  it('encode the key in the path and leave out what was not given', async () => {
    const { calls, seen } = server(200, '[]');
    await calls.logs('hpc:night');
    await refusal(calls.start('a:b', 4));
    await refusal(calls.start('a:b'));
    expect(seen.map(one => new URL(one.url).pathname)).toEqual([
      '/base/jupyterlab-clusters/clusters/hpc%3Anight/logs',
      '/base/jupyterlab-clusters/clusters/a%3Ab/start',
      '/base/jupyterlab-clusters/clusters/a%3Ab/start'
    ]);
    expect(seen.map(one => one.body)).toEqual(['', '{"engines":4}', '{}']);
  });

  it('test hosts of a launcher, look at the test, and accept a key', async () => {
    const { calls, seen } = server(200, '{"id": "a/b", "hosts": []}');
    const { id } = await calls.testHosts('ssh', { hosts: [{ host: 'a' }] });
    await calls.hostTests('ssh', id);
    await calls.acceptHostKey('ssh', 'me@a:22', 'SHA256:x');
    expect(seen.map(one => new URL(one.url).pathname)).toEqual([
      '/base/jupyterlab-clusters/launchers/ssh/tests',
      '/base/jupyterlab-clusters/launchers/ssh/tests/a%2Fb',
      '/base/jupyterlab-clusters/launchers/ssh/known-hosts'
    ]);
    expect(seen.map(one => one.body)).toEqual([
      '{"options":{"hosts":[{"host":"a"}]}}',
      '',
      '{"host":"me@a:22","fingerprint":"SHA256:x"}'
    ]);
    const nonsense = server(200, '{"id": "a", "hosts": [{}]}').calls;
    await refusal(nonsense.hostTests('ssh', 'a'));
  });

  it('forget with DELETE, which has no answer', async () => {
    const { calls, seen } = server(204, '');
    await calls.forget('a:');
    expect(seen[0].method).toBe('DELETE');
  });

  it('give the sentence, reason and field of a refusal', async () => {
    const body = {
      message: 'Use scale.',
      reason: 'use-scale',
      field: 'engines'
    };
    const error = await refusal(
      server(409, JSON.stringify(body)).calls.start('a:', 2)
    );
    expect(error.message).toBe('Use scale.');
    expect([error.reason, error.status, error.field]).toEqual([
      'use-scale',
      409,
      'engines'
    ]);
  });

  it.each([
    [502, '<html>Bad gateway</html>', 'text/html', /502/],
    [404, '<html>', 'text/html', /not there or is switched off/],
    [403, '{"message": "Forbidden"}', 'application/json', /not allowed/]
  ])('make a sentence of a %i that is not ours', async (...answer) => {
    const [status, body, type, words] = answer;
    const error = await refusal(server(status, body, type).calls.stop('a:'));
    expect(error.message).toMatch(words);
    expect(error.reason).toBe('refused');
  });

  it.each([
    ['{}', 'no cluster'],
    ['[]', 'no cluster'],
    ['null', 'no cluster']
  ])('refuse %s where a cluster should be', async (body, words) => {
    const error = await refusal(server(202, body).calls.stop('a:'));
    expect(error.message).toContain(words);
  });

  it('refuse an answer that is not JSON', async () => {
    await refusal(server(200, '<html>', 'text/html').calls.profiles());
  });

  it('say so when the server cannot be reached', async () => {
    const settings = ServerConnection.makeSettings({
      fetch: () => Promise.reject(new TypeError('Failed to fetch'))
    });
    const error = await refusal(new Calls(settings).launchers());
    expect([error.reason, error.status]).toEqual(['unreachable', 0]);
  });
});
