import type { ITopicReader, Row } from '../../cluster/source';
import type { ILine } from '../../cluster/state';
import type { ILogReader, Link } from '../../tokens';
import { Stream } from '../stream';
import { FakeSocket, settings } from './fakesocket';

const EPOCH = 'first';

/** Nothing is asked for as long as a socket can be had. */
const NEVER = {
  rows: () => Promise.reject(new Error('never')),
  page: () => Promise.reject(new Error('never'))
};

class Topic implements ITopicReader {
  readonly heard: [string, readonly Row[] | string][] = [];
  snapshot(rows: readonly Row[]): void {
    this.heard.push(['snapshot', rows]);
  }
  changes(rows: readonly Row[]): void {
    this.heard.push(['changes', rows]);
  }
  error(message: string): void {
    this.heard.push(['error', message]);
  }
}

class Log implements ILogReader {
  readonly texts: string[] = [];
  readonly lags: number[] = [];
  readonly errors: string[] = [];
  end = -1;
  lines(lines: readonly ILine[], end: number): void {
    this.texts.push(...lines.map(line => line.text));
    this.end = end;
  }
  lagged(offset: number): void {
    this.lags.push(offset);
  }
  error(message: string): void {
    this.errors.push(message);
  }
}

describe('Stream', () => {
  let stream: Stream;

  beforeEach(() => {
    jest.useFakeTimers();
    stream = new Stream(settings(), NEVER);
  });

  afterEach(() => {
    stream.dispose();
    jest.useRealTimers();
  });

  const pass = async (ms = 0) => jest.advanceTimersByTimeAsync(ms);
  const opened = async () => {
    await pass();
    FakeSocket.last.opens();
    await pass();
    return FakeSocket.last;
  };
  const state = (
    seq: number,
    body: { snapshot?: Row[]; changes?: Row[] },
    topic = 'clusters',
    epoch = EPOCH
  ) => FakeSocket.last.says({ epoch, topic, seq, ...body });

  it('opens one socket with the token, and asks for all topics in one message', async () => {
    stream.read('clusters', new Topic());
    stream.read('engines/default:', new Topic());
    const socket = await opened();
    expect(FakeSocket.all).toHaveLength(1);
    expect(socket.url).toBe(
      'ws://here/base/jupyterlab-clusters/stream?token=a%20b'
    );
    expect(socket.sent).toHaveLength(1);
    expect(socket.asked.topics).toEqual(['clusters', 'engines/default:']);
  });

  it('sends nothing while nothing new is wanted', async () => {
    stream.read('clusters', new Topic());
    const socket = await opened();
    state(1, { snapshot: [] });
    await pass(10 * 60_000);
    expect(socket.sent).toHaveLength(1);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('lets go of a topic that nobody reads any more', async () => {
    stream.read('clusters', new Topic());
    const engines = stream.read('engines/a:', new Topic());
    const socket = await opened();
    engines.dispose();
    await pass();
    expect(socket.asked.topics).toEqual(['clusters']);
  });

  it('goes on after a cut from the number it knows', async () => {
    const topic = new Topic();
    stream.read('clusters', topic);
    await opened();
    state(4, { snapshot: [{ key: 'a:' }] });
    state(5, { changes: [{ key: 'a:', wanted: 2 }] });
    FakeSocket.last.breaks();
    expect(stream.link).toBe('reconnecting');
    await pass(60_000);
    await opened();
    expect(FakeSocket.last.asked).toEqual({
      topics: ['clusters'],
      epoch: EPOCH,
      since: { clusters: 5 }
    });
    state(6, { changes: [] });
    expect(topic.heard.map(([kind]) => kind)).toEqual([
      'snapshot',
      'changes',
      'changes'
    ]);
  });

  it('takes what another run of the server says for new', async () => {
    const topic = new Topic();
    stream.read('clusters', topic);
    await opened();
    state(90, { snapshot: [] });
    FakeSocket.last.breaks();
    await pass(60_000);
    await opened();
    state(1, { snapshot: [{ key: 'b:' }] }, 'clusters', 'second');
    FakeSocket.last.breaks();
    await pass(60_000);
    await opened();
    expect(FakeSocket.last.asked.epoch).toBe('second');
    expect(FakeSocket.last.asked.since).toEqual({ clusters: 1 });
  });

  it('waits longer and longer for a server that does not answer, and briefly after a life', async () => {
    // The waits are drawn at random, so that not all tabs come back at once: here always the mean.
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const refused = async (within: number) => {
      const before = FakeSocket.all.length;
      FakeSocket.last.breaks();
      await pass(within);
      return FakeSocket.all.length - before;
    };
    await pass();
    for (let i = 0; i < 8; i++) {
      FakeSocket.last.breaks();
      await pass(5_000);
    }
    expect(FakeSocket.all.length).toBeGreaterThanOrEqual(8);
    expect(await refused(500)).toBe(0);
    while (FakeSocket.last.readyState === 3) {
      await pass(1_000);
    }
    FakeSocket.last.opens();
    state(1, { snapshot: [] });
    expect(await refused(500)).toBe(1);
    random.mockRestore();
  });

  it('says how it stands to the server', async () => {
    const links: Link[] = [];
    stream.linkChanged.connect((_, link) => void links.push(link));
    expect(stream.link).toBe('connecting');
    await pass();
    FakeSocket.last.breaks();
    expect(stream.link).toBe('connecting');
    await pass(5_000);
    await opened();
    state(1, { snapshot: [] });
    FakeSocket.last.breaks();
    await pass(5_000);
    await opened();
    expect(links).toEqual(['live', 'reconnecting', 'live']);
  });

  it('stays connected in a hidden tab', async () => {
    const hidden = jest.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    stream.read('clusters', new Topic());
    const socket = await opened();
    await pass(10 * 60_000);
    expect(socket.readyState).toBe(1);
    socket.breaks();
    await pass(5_000);
    expect(FakeSocket.all).toHaveLength(2);
    hidden.mockRestore();
  });

  it('passes over what it cannot read', async () => {
    const topic = new Topic();
    stream.read('clusters', topic);
    const socket = await opened();
    socket.onmessage?.({ data: '{' });
    socket.onmessage?.({ data: new ArrayBuffer(2) });
    socket.says([1]);
    socket.says({ topic: 'clusters', seq: 1, snapshot: [] });
    socket.says({ epoch: EPOCH, topic: 'clusters', seq: '1', snapshot: [] });
    expect(topic.heard).toEqual([]);
    state(1, { snapshot: [] });
    expect(topic.heard).toEqual([['snapshot', []]]);
  });

  it('tells the error of a topic to its readers only', async () => {
    const [clusters, engines] = [new Topic(), new Topic()];
    stream.read('clusters', clusters);
    stream.read('engines/x:', engines);
    const socket = await opened();
    const error = { message: 'No such cluster.', reason: 'not-found' };
    socket.says({ epoch: EPOCH, topic: 'engines/x:', error });
    expect(engines.heard).toEqual([['error', 'No such cluster.']]);
    expect(clusters.heard).toEqual([]);
  });

  it('asks again for what took too long, and tells nobody', async () => {
    const [clusters, engines] = [new Topic(), new Topic()];
    stream.read('clusters', clusters);
    stream.read('engines/x:', engines);
    const socket = await opened();
    const before = socket.sent.length;
    const error = { message: 'This takes longer.', reason: 'slow' };
    socket.says({ epoch: EPOCH, topic: 'engines/x:', error });
    await pass(1000);
    expect(socket.sent).toHaveLength(before);
    await pass(2000);
    const topics = socket.sent.slice(before).map(asked => asked.topics);
    expect(topics).toEqual([['clusters'], ['clusters', 'engines/x:']]);
    expect(engines.heard).toEqual([]);
  });

  it('does nothing any more once disposed', async () => {
    const topic = new Topic();
    stream.read('clusters', topic);
    const socket = await opened();
    stream.dispose();
    await pass(10 * 60_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(socket.readyState).toBe(3);
  });

  describe('with a second reader of a topic', () => {
    it('asks anew, so that the second gets a snapshot', async () => {
      stream.read('engines/a:', new Topic());
      const socket = await opened();
      state(7, { snapshot: [] }, 'engines/a:');
      stream.read('engines/a:', new Topic());
      await pass();
      expect(socket.sent.slice(1).map(one => one.topics)).toEqual([
        [],
        ['engines/a:']
      ]);
      expect(socket.asked.since).toEqual({});
    });

    it('asks anew for a snapshot also when the socket is cut before it came', async () => {
      stream.read('engines/a:', new Topic());
      await opened();
      state(7, { snapshot: [] }, 'engines/a:');
      stream.read('engines/a:', new Topic());
      await pass();
      // On its way before the server heard of the second reader.
      state(8, { changes: [{ slot: 0, state: 'idle' }] }, 'engines/a:');
      FakeSocket.last.breaks();
      await pass(5_000);
      await opened();
      expect(FakeSocket.last.asked.since).toEqual({});
    });
  });

  describe('of a log', () => {
    const TOPIC = 'logs/default:/slot-0';
    const line = (offset: number) => ({ offset, text: `at ${offset}` });
    const says = (seq: number, ...offsets: number[]) =>
      FakeSocket.last.says({
        epoch: EPOCH,
        topic: TOPIC,
        seq,
        lines: offsets.map(line)
      });

    it('follows from an offset, and after a cut from where it was', async () => {
      const log = new Log();
      stream.follow('default:', 'slot-0', 10, log);
      const socket = await opened();
      expect(socket.asked.topics).toEqual([`${TOPIC}@10`]);
      says(30, 10, 20);
      socket.breaks();
      await pass(5_000);
      await opened();
      expect(FakeSocket.last.asked.topics).toEqual([`${TOPIC}@30`]);
      says(40, 30);
      expect(log.texts).toEqual(['at 10', 'at 20', 'at 30']);
      expect(log.end).toBe(40);
    });

    it('never tells a line twice', async () => {
      const log = new Log();
      stream.follow('default:', 'slot-0', 0, log);
      await opened();
      says(20, 0, 10);
      says(30, 10, 20);
      expect(log.texts).toEqual(['at 0', 'at 10', 'at 20']);
    });

    it('tells that lines fell away and goes on behind them', async () => {
      const log = new Log();
      stream.follow('default:', 'slot-0', 0, log);
      await opened();
      const lagged = { epoch: EPOCH, topic: TOPIC, seq: 900, lagged: 900 };
      FakeSocket.last.says(lagged);
      FakeSocket.last.breaks();
      await pass(5_000);
      await opened();
      expect(log.lags).toEqual([900]);
      expect(FakeSocket.last.asked.topics).toEqual([`${TOPIC}@900`]);
    });

    it('gives a second follower what lies before the first one', async () => {
      const [first, second] = [new Log(), new Log()];
      stream.follow('default:', 'slot-0', 0, first);
      await opened();
      says(30, 0, 10, 20);
      stream.follow('default:', 'slot-0', 10, second);
      await pass();
      expect(FakeSocket.last.asked.topics).toEqual([`${TOPIC}@10`]);
      says(40, 10, 20, 30);
      expect(first.texts).toEqual(['at 0', 'at 10', 'at 20', 'at 30']);
      expect(second.texts).toEqual(['at 10', 'at 20', 'at 30']);
    });

    it('loses nothing of a second follower to lines that were on their way', async () => {
      const second = new Log();
      stream.follow('default:', 'slot-0', 0, new Log());
      await opened();
      says(30, 0, 10, 20);
      stream.follow('default:', 'slot-0', 10, second);
      await pass();
      says(40, 30);
      says(40, 10, 20, 30);
      expect(second.texts).toEqual(['at 10', 'at 20', 'at 30']);
    });

    it('does not disturb the log for a follower who begins where it stands', async () => {
      stream.follow('default:', 'slot-0', 0, new Log());
      const socket = await opened();
      says(30, 0, 10, 20);
      const second = new Log();
      stream.follow('default:', 'slot-0', 30, second);
      await pass();
      expect(socket.sent).toHaveLength(1);
      says(40, 30);
      expect(second.texts).toEqual(['at 30']);
    });

    it('ends when the last follower has gone', async () => {
      const one = stream.follow('default:', 'slot-0', 0, new Log());
      const two = stream.follow('default:', 'slot-0', 0, new Log());
      const socket = await opened();
      one.dispose();
      await pass();
      expect(socket.asked.topics).toEqual([`${TOPIC}@0`]);
      two.dispose();
      await pass();
      expect(socket.asked.topics).toEqual([]);
    });
  });
});
