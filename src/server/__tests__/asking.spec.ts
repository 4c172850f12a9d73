import type { Row } from '../../cluster/source';
import type { ILine, ILogPage } from '../../cluster/state';
import type { Link } from '../../tokens';
import type { IRequests } from '../asking';
import { ResponseError } from '../calls';
import { Stream } from '../stream';
import { FakeSocket, settings } from './fakesocket';

const pass = async (ms = 0) => jest.advanceTimersByTimeAsync(ms);

/** A server that answers requests. */
class Server implements IRequests {
  asked: string[] = [];
  away = false;
  log = 'one\ntwo\nthr';
  load: Row[] = [{ time: '01' }, { time: '02' }];

  async rows(...parts: string[]): Promise<readonly Row[]> {
    this.asked.push(parts.join('/'));
    if (this.away) {
      throw new ResponseError('away', 'unreachable', 0);
    }
    if (parts[0] === 'gone:') {
      throw new ResponseError('There is no such cluster.', 'not-found', 404);
    }
    return parts[1]?.startsWith('load') ? this.load : [{ key: 'default:' }];
  }

  async page(
    key: string,
    log: string,
    place: { at?: number; after?: number }
  ): Promise<ILogPage> {
    this.asked.push(`${key}/${log}@${place.at}`);
    const lines: ILine[] = [];
    let offset = 0;
    for (const text of this.log.split('\n')) {
      // As the server does: a place within a line means that line.
      if (offset + text.length + 1 > (place.at ?? 0) && text) {
        lines.push({ offset, text });
      }
      offset += text.length + 1;
    }
    const few = lines.slice(0, 1000);
    const next = lines[1000]?.offset ?? this.log.length;
    const start = few[0]?.offset ?? next;
    return { lines: few, start, end: next, size: this.log.length };
  }
}

describe('without a socket', () => {
  let server: Server;
  let stream: Stream;
  let links: Link[];
  let heard: [string, readonly Row[]][];

  const reader = {
    snapshot: (rows: readonly Row[]) => void heard.push(['snapshot', rows]),
    changes: (rows: readonly Row[]) => void heard.push(['changes', rows]),
    error: () => undefined
  };
  /** As a proxy does that knows no sockets. */
  const refuse = async (times = 2) => {
    for (let time = 0; time < times; time++) {
      await pass(1000);
      FakeSocket.last.breaks();
    }
    await pass();
  };

  beforeEach(() => {
    jest.useFakeTimers();
    server = new Server();
    stream = new Stream(settings(), server);
    links = [];
    heard = [];
    stream.linkChanged.connect((_, link) => void links.push(link));
  });

  afterEach(() => {
    stream.dispose();
    jest.useRealTimers();
  });

  it('asks for what is read, and says so', async () => {
    stream.read('clusters', reader);
    await refuse(1);
    expect(server.asked).toEqual([]);
    await refuse(1);
    expect(server.asked).toEqual(['']);
    expect(heard).toEqual([['snapshot', [{ key: 'default:' }]]]);
    expect(links).toEqual(['asking']);
    const engines = stream.read('engines/default:', reader);
    await pass();
    expect(server.asked.slice(1)).toEqual(['', 'default:/engines']);
    engines.dispose();
    server.asked = [];
    await pass(10000);
    expect(new Set(server.asked)).toEqual(new Set(['']));
    expect(server.asked.length).toBeLessThan(7);
  });

  it('also behind a proxy that opens sockets and carries nothing', async () => {
    stream.read('clusters', reader);
    for (let time = 0; time < 2; time++) {
      await pass(1000);
      FakeSocket.last.opens();
      FakeSocket.last.breaks();
    }
    await pass();
    expect(stream.link).toBe('asking');
    await pass(4000);
    expect(FakeSocket.all.length).toBeLessThan(12);
  });

  it('and behind one that never answers', async () => {
    stream.read('clusters', reader);
    await pass(40000);
    expect(stream.link).toBe('asking');
  });

  it('comes back to the socket by itself, with a snapshot', async () => {
    stream.read('clusters', reader);
    await refuse();
    await pass(60000);
    const socket = FakeSocket.last;
    socket.opens();
    expect(stream.link).toBe('asking');
    await pass();
    expect(socket.asked).toEqual({ topics: ['clusters'], since: {} });
    socket.says({ epoch: 'e', topic: 'clusters', seq: 3, snapshot: [] });
    expect(stream.link).toBe('live');
    server.asked = [];
    await pass(60000);
    expect(server.asked).toEqual([]);
  });

  it('does not call a server silent that says no, and does one that is away', async () => {
    stream.read('clusters', reader);
    stream.read('engines/gone:', reader);
    await refuse();
    expect(stream.link).toBe('asking');
    server.away = true;
    await pass(2500);
    expect(stream.link).toBe('connecting');
    server.away = false;
    await pass(30000);
    expect(stream.link).toBe('asking');
  });

  it('tells only new points of load', async () => {
    stream.read('load/default:', reader);
    await refuse();
    expect(heard).toEqual([['snapshot', [{ time: '01' }, { time: '02' }]]]);
    server.load = [{ time: '02' }, { time: '03' }];
    await pass(2500);
    expect(heard.slice(1)).toEqual([['changes', [{ time: '03' }]]]);
    expect(server.asked.filter(one => one.includes('load'))).toEqual([
      'default:/load?last=600',
      'default:/load?last=10'
    ]);
  });

  it('reads on in a log, also within a line', async () => {
    const told: string[] = [];
    const lags: number[] = [];
    stream.follow('default:', 'slot-0', 4, {
      lines: lines => void told.push(...lines.map(one => one.text)),
      lagged: offset => void lags.push(offset),
      error: () => undefined
    });
    await refuse();
    expect(told).toEqual(['two', 'thr']);
    server.log += 'ee\nfour\n';
    await pass(2500);
    expect(told).toEqual(['two', 'thr', 'ee', 'four']);
    server.log += 'x\n'.repeat(20000);
    await pass(2500);
    expect(told).toHaveLength(4 + 5000);
    expect(lags).toEqual([server.log.length]);
  });

  it('rests while the tab is hidden', async () => {
    stream.read('clusters', reader);
    await refuse();
    const seen = jest.spyOn(document, 'visibilityState', 'get');
    seen.mockReturnValue('hidden');
    const changed = () => document.dispatchEvent(new Event('visibilitychange'));
    changed();
    await pass(10000);
    server.asked = [];
    await pass(60000);
    expect(server.asked).toEqual([]);
    seen.mockRestore();
    changed();
    await pass(5000);
    expect(server.asked.length).toBeGreaterThan(0);
  });
});
