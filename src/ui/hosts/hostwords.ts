/** What a test of hosts says in words. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { CheckName, IHostCheck, IHostTest } from '../../cluster/state';
import { bytes } from '../common/units';

/** How a host stands. */
export type HostState = 'testing' | 'ready' | 'failing';

/** State by shape: told apart without colour. */
export const SHAPES: Readonly<Record<HostState, string>> = {
  testing: '◔',
  ready: '●',
  failing: '▲'
};

/** How it stands. */
export function stateOf(host: IHostTest): HostState {
  return host.state === 'testing' ? 'testing' : host.ok ? 'ready' : 'failing';
}

/** The word for it. */
export function stateWord(state: HostState, trans: TranslationBundle): string {
  const words: Record<HostState, string> = {
    testing: trans.__('testing…'),
    ready: trans.__('ready'),
    failing: trans.__('cannot be used')
  };
  return words[state];
}

/** What one check is about. */
export function checkWord(name: CheckName, trans: TranslationBundle): string {
  const words: Record<CheckName, string> = {
    reached: trans.__('Reached'),
    'host-key': trans.__('Host key'),
    login: trans.__('Login'),
    python: trans.__('Python'),
    ipyparallel: trans.__('ipyparallel'),
    cores: trans.__('Cores'),
    memory: trans.__('Free memory'),
    controller: trans.__('Way to the controller')
  };
  return words[name];
}

/** How one check ended that could be made. */
export function resultWord(
  check: IHostCheck,
  trans: TranslationBundle
): { shape: string; word: string } {
  return check.ok
    ? { shape: '✓', word: trans.__('good') }
    : { shape: '✗', word: trans.__('fails') };
}

/** What a check found, for a cell. */
export function valueOf(host: IHostTest, name: CheckName): string {
  const value = host.checks.find(one => one.name === name)?.value ?? null;
  if (value === null) {
    return '–';
  }
  return name === 'memory' && typeof value === 'number'
    ? bytes(value)
    : String(value);
}

/** What a ready host offers, in one line. */
export function foundWords(host: IHostTest, trans: TranslationBundle): string {
  const value = (name: CheckName) =>
    host.checks.find(one => one.name === name)?.value ?? null;
  const [python, cores, memory] = [
    value('python'),
    value('cores'),
    value('memory')
  ];
  return [
    python === null ? '' : trans.__('Python %1', python),
    typeof cores === 'number' ? trans._n('%1 core', '%1 cores', cores) : '',
    typeof memory === 'number' ? trans.__('%1 free', bytes(memory)) : ''
  ]
    .filter(word => word !== '')
    .join(', ');
}

/** Who is ready, in one sentence. */
export function summaryOf(
  hosts: readonly IHostTest[],
  trans: TranslationBundle
): string {
  const count = (state: HostState) =>
    hosts.filter(one => stateOf(one) === state).length;
  if (hosts.length === 0) {
    return '';
  }
  const ready = trans._n(
    '%2 of %1 host is ready.',
    '%2 of %1 hosts are ready.',
    hosts.length,
    count('ready')
  );
  const testing = count('testing');
  return testing === 0
    ? ready
    : trans._n('Testing %1 host…', 'Testing %1 hosts…', testing);
}
