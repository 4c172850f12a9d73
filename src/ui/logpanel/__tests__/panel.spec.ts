import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { DisposableDelegate } from '@lumino/disposable';
import { Widget } from '@lumino/widgets';
import { fireEvent, within } from '@testing-library/dom';

import type { ICluster, IEngine, ILine } from '../../../cluster/state';
import type {
  IChange,
  IClusterLogs,
  IClusters,
  IEngines,
  ILogReader,
  Link
} from '../../../tokens';
import { createLogPanel } from '..';

const trans = nullTranslator.load('jupyterlab_clusters');
const KEY = 'default:';

/** A log in memory, ten bytes a line, that can lag, fail and be told in pieces. */
class Logs implements IClusterLogs {
  constructor(public texts: string[]) {}

  readers = new Set<ILogReader>();
  from: number[] = [];
  broken: string | null = null;

  get reader(): ILogReader {
    const [reader] = this.readers;
    return reader;
  }

  line(index: number): ILine {
    return { offset: index * 10, text: this.texts[index] };
  }

  async list() {
    return ['controller', 'slot-3'].map(name => ({
      name,
      title: `The ${name}`,
      size: 0,
      slot: name === 'slot-3' ? 3 : null,
      host: null,
      live: true,
      path: null
    }));
  }

  async page(
    _key: string,
    _log: string,
    place: { at?: number; before?: number; after?: number }
  ) {
    if (this.broken !== null) {
      throw new Error(this.broken);
    }
    const size = this.texts.length;
    const at = Math.ceil((place.at ?? size * 10) / 10);
    const start = Math.max(0, at - (place.before ?? 0));
    const end = Math.min(size, at + (place.after ?? 0));
    const lines = [];
    for (let index = start; index < end; index += 1) {
      lines.push(this.line(index));
    }
    return { lines, start: start * 10, end: end * 10, size: size * 10 };
  }

  async search(
    _key: string,
    _log: string,
    text: string,
    from: number,
    limit: number
  ) {
    const all = this.texts
      .map((line, index) => ({ offset: index * 10, text: line }))
      .filter(one => one.offset >= from && one.text.includes(text));
    const matches = all.slice(0, limit);
    return { matches, next: all[limit]?.offset ?? null };
  }

  downloadUrl(key: string, log: string) {
    return `/download/${key}/${log}`;
  }

  follow(_key: string, _log: string, offset: number, reader: ILogReader) {
    this.from.push(offset);
    this.readers.add(reader);
    return new DisposableDelegate(() => this.readers.delete(reader));
  }

  write(...texts: string[]): void {
    const first = this.texts.length;
    this.texts.push(...texts);
    const lines = texts.map((_, index) => this.line(first + index));
    this.readers.forEach(one => one.lines(lines, this.texts.length * 10));
  }
}

class Engines {
  constructor(public all: readonly IEngine[]) {}
  ready = true;
  isDisposed = false;
  changed = new Signal<IEngines, IChange<number>>(this as IEngines);
  dispose() {
    this.isDisposed = true;
  }
}

class Clusters {
  ready = true;
  link: Link = 'live';
  one: ICluster | undefined = { key: KEY, state: 'running' } as ICluster;
  held = new Engines([]);
  changed = new Signal<IClusters, IChange<string>>(this.told);
  linkChanged = new Signal<IClusters, Link>(this.told);
  get told(): IClusters {
    return this as unknown as IClusters;
  }
  get() {
    return this.one;
  }
  engines() {
    return this.held;
  }
  change() {
    this.changed.emit({ keys: [KEY] });
  }
}

const frame = () =>
  new Promise(resolve => requestAnimationFrame(() => resolve(undefined)));
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) {
    await frame();
  }
};
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => `line ${index}`);

let opened: ReturnType<typeof createLogPanel>;

beforeAll(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
});

async function open(
  logs: Logs,
  clusters = new Clusters(),
  log = 'controller',
  limit?: number
) {
  opened = createLogPanel({
    clusters: clusters.told,
    logs,
    key: KEY,
    log,
    trans,
    limit
  });
  Widget.attach(opened, document.body);
  await settle();
  return opened.content;
}

const foot = () =>
  opened.content.node.querySelector<HTMLElement>('.jlc-Log-foot')?.textContent;
const bar = () => within(opened.toolbar.node);
const pressed = (name: string) =>
  bar().getByRole('button', { name }).getAttribute('aria-pressed');
/** Turns a wheel at a place: jsdom lays nothing out, so sizes are said. */
function wheel(scrollTop: number, deltaY: number): void {
  const node = opened.content.node.querySelector('.cm-scroller');
  if (!node) {
    throw new Error('There is no editor');
  }
  for (const [name, value] of Object.entries({
    scrollTop,
    clientHeight: 100,
    scrollHeight: 1000
  })) {
    Object.defineProperty(node, name, {
      value,
      writable: true,
      configurable: true
    });
  }
  fireEvent.wheel(node, { deltaY });
  fireEvent.scroll(node);
}

afterEach(() => {
  opened.dispose();
});

it('loads the end and goes on from there, in pieces', async () => {
  const logs = new Logs(many(1200));
  const panel = await open(logs);
  expect(panel.text.split('\n')).toHaveLength(1000);
  expect(logs.from).toEqual([12000]);
  expect(panel.title.label).toBe('Log: default controller');
  logs.write('a');
  logs.write('b', 'c');
  expect(panel.text).not.toMatch(/a$/);
  await settle();
  expect(panel.text).toMatch(/line 1199\na\nb\nc$/);
});

it('ends the stream when it is closed', async () => {
  const logs = new Logs(['a']);
  const clusters = new Clusters();
  await open(logs, clusters, 'slot-3');
  expect(logs.readers.size).toBe(1);
  opened.dispose();
  expect(logs.readers.size).toBe(0);
  expect(clusters.held.isDisposed).toBe(true);
});

it('loads older lines at the top, and scrolling up ends following', async () => {
  const logs = new Logs(many(1200));
  const panel = await open(logs);
  expect(pressed('Follow')).toBe('true');
  wheel(0, -10);
  await settle();
  expect(panel.text.split('\n')).toHaveLength(1200);
  expect(panel.text).toMatch(/^line 0\nline 1\n/);
  expect(pressed('Follow')).toBe('false');
  wheel(900, 10);
  await settle();
  expect(pressed('Follow')).toBe('true');
});

it('keeps what is read when following has ended, and comes back', async () => {
  const logs = new Logs(many(10));
  const panel = await open(logs, new Clusters(), 'controller', 12);
  fireEvent.click(bar().getByRole('button', { name: 'Follow' }));
  logs.write(...many(5));
  await settle();
  expect(panel.text.split('\n')).toHaveLength(10);
  expect(foot()).toMatch(/Newer lines/);
  expect(logs.readers.size).toBe(0);
  fireEvent.click(bar().getByRole('button', { name: 'Follow' }));
  await settle();
  expect(panel.text.split('\n')).toHaveLength(12);
  expect(logs.readers.size).toBe(1);
  expect(foot()).toBe('');
});

it('drops the oldest while it follows', async () => {
  const logs = new Logs(many(3));
  const panel = await open(logs, new Clusters(), 'controller', 4);
  logs.write('a', 'b', 'c');
  await settle();
  expect(panel.text).toBe('line 2\na\nb\nc');
  logs.write('d', 'e', 'f', 'g', 'h');
  await settle();
  expect(panel.text).toBe('e\nf\ng\nh');
});

it('shows a gap as a line', async () => {
  const logs = new Logs(['a']);
  const panel = await open(logs);
  logs.texts.push('lost');
  logs.reader.lagged(20);
  logs.write('b');
  await settle();
  expect(panel.text).toMatch(/^a\n⋯ Lines were left out.*\nb$/);
});

it('says an error at the foot, and tries again when the cluster starts', async () => {
  const logs = new Logs(['a']);
  logs.broken = 'There is no such log yet.';
  const clusters = new Clusters();
  const panel = await open(logs, clusters);
  expect(foot()).toBe('There is no such log yet.');
  logs.broken = null;
  clusters.one = { ...clusters.one, state: 'starting' } as ICluster;
  clusters.change();
  await settle();
  expect(panel.text).toBe('a');
  expect(foot()).toBe('');
  logs.reader.error('The disk is gone.');
  expect(foot()).toBe('The disk is gone.');
  expect(logs.readers.size).toBe(0);
});

it('says why there is no more at the foot', async () => {
  const clusters = new Clusters();
  await open(new Logs(['a']), clusters, 'slot-3');
  expect(foot()).toBe('');
  clusters.held.all = [
    {
      slot: 3,
      state: 'lost',
      cause: { signal: 9, exit_code: null, sentence: 'Killed: no memory.' }
    } as IEngine
  ];
  clusters.held.changed.emit({ keys: [3] });
  expect(foot()).toBe('Killed: no memory.');
  clusters.one = undefined;
  clusters.change();
  expect(foot()).toMatch(/forgotten/);
  clusters.link = 'reconnecting';
  clusters.linkChanged.emit('reconnecting');
  expect(foot()).toBe('Reconnecting…');
});

it('filters by level and text, and labels slots of all logs', async () => {
  const logs = new Logs(['ERROR a', 'WARNING b', 'c']);
  const panel = await open(logs, new Clusters(), 'all');
  expect(panel.text).toMatch(/^controller │ ERROR a\n/);
  const level = bar().getByRole('combobox', { name: 'Level' });
  fireEvent.change(level, { target: { value: 'error' } });
  expect(panel.text).toBe('controller │ ERROR a');
  fireEvent.change(level, { target: { value: 'all' } });
  const filter = bar().getByRole('searchbox', { name: /^Show only/ });
  fireEvent.change(filter, { target: { value: 'warn' } });
  expect(panel.text).toBe('controller │ WARNING b');
});

it('finds in what is loaded, then in what is older', async () => {
  const logs = new Logs(many(3000));
  logs.texts[100] = 'a needle';
  logs.texts[2500] = 'needle, younger';
  const panel = await open(logs);
  await panel.finding.text('needle');
  expect(panel.finding.place?.text).toBe('needle, younger');
  expect(panel.look.now.follow).toBe(false);
  await panel.finding.text('needle');
  await settle();
  expect(panel.finding.place?.text).toBe('a needle');
  expect(panel.text).toMatch(/^line 0\n/);
  expect(foot()).toMatch(/Newer lines/);
  await panel.finding.text('needle');
  await settle();
  expect(panel.finding.place?.text).toBe('needle, younger');
  await panel.finding.text('needle', true);
  await settle();
  expect(panel.finding.place?.text).toBe('a needle');
  await panel.finding.text('nowhere');
  expect(panel.look.now.found).toBe('Not found');
});

it('goes to the next error, and round', async () => {
  const logs = new Logs(['x', 'ERROR a', 'y', 'ValueError: b', 'z']);
  const panel = await open(logs);
  const next = () =>
    fireEvent.click(bar().getByRole('button', { name: 'Next error' }));
  for (const text of ['ERROR a', 'ValueError: b', 'ERROR a']) {
    next();
    expect(panel.finding.place?.text).toBe(text);
  }
});

it('changes to another log, from a list asked for anew', async () => {
  const logs = new Logs(['a']);
  const panel = await open(logs);
  const choice = bar().getByRole('combobox', { name: 'Log' });
  fireEvent.change(choice, { target: { value: 'slot-3' } });
  await settle();
  expect(panel.title.label).toBe('Log: default slot 3');
  expect(opened.title.label).toBe('Log: default slot 3');
  expect(logs.readers.size).toBe(1);
  expect(
    bar().getByRole('link', { name: 'Download the log' }).getAttribute('href')
  ).toBe('/download/default:/slot-3');
});

it('has colours as classes, never markup, and a name for the reader', async () => {
  await open(new Logs(['\u001b[31m<img src=x>\u001b[0m']));
  const text = within(opened.content.node).getByRole('textbox', {
    name: 'Log: default controller'
  });
  expect(text.querySelector('img')).toBeNull();
  expect(text.querySelector('.ansi-red-fg')?.textContent).toBe('<img src=x>');
});
