/** Why something cannot be done with an engine. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ICluster, IEngine } from '../../cluster/state';
import { hasEnded } from './words';

/** What can be done with one engine. */
export type Verb = 'openLog' | 'interrupt' | 'restart' | 'stop';

/** All verbs, as the buttons stand. */
export const VERBS: readonly Verb[] = [
  'openLog',
  'interrupt',
  'restart',
  'stop'
];

/** A sentence why not, or null when it can be done. */
export function whyNot(
  verb: Verb,
  engine: IEngine,
  cluster: Pick<ICluster, 'state' | 'capabilities'>,
  stale: boolean,
  trans: TranslationBundle
): string | null {
  if (verb === 'openLog') {
    return null;
  }
  if (stale) {
    return trans.__('The server cannot be reached at the moment.');
  }
  const { capabilities, state } = cluster;
  const can = {
    interrupt: capabilities.interrupt_one,
    restart: capabilities.restart_one,
    stop: capabilities.stop_one
  };
  if (!can[verb]) {
    return trans.__('This launcher controls its engines only all together.');
  }
  if (state !== 'running' && state !== 'starting') {
    return trans.__('The cluster does not run.');
  }
  if (engine.state === 'stopping') {
    return trans.__('This engine is about to end.');
  }
  if (verb === 'restart') {
    return null;
  }
  if (hasEnded(engine)) {
    return trans.__('This engine has ended.');
  }
  return verb === 'interrupt' && engine.id === null
    ? trans.__('This engine has not registered yet.')
    : null;
}
