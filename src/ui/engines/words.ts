/** What the table says of an engine. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { EngineState, ICluster, IEngine } from '../../cluster/state';

/** State by shape: told apart without colour. */
export const SHAPES: Readonly<Record<EngineState, string>> = {
  queued: '·',
  starting: '◔',
  idle: '○',
  busy: '●',
  stopping: '◑',
  exited: '–',
  lost: '✕',
  unregistered: '?'
};

/** The word for a state. */
export function stateWord(
  state: EngineState,
  trans: TranslationBundle
): string {
  const words: Record<EngineState, string> = {
    queued: trans.__('queued'),
    starting: trans.__('starting'),
    idle: trans.__('idle'),
    busy: trans.__('busy'),
    stopping: trans.__('stopping'),
    exited: trans.__('exited'),
    lost: trans.__('lost'),
    unregistered: trans.__('unregistered')
  };
  return words[state];
}

/** What can be done with one engine. */
export type Verb = 'interrupt' | 'restart' | 'stop';

/** Why something cannot be done with an engine now; empty when it can. */
export function whyNot(
  verb: Verb,
  engine: IEngine,
  cluster: ICluster,
  trans: TranslationBundle
): string {
  const { capabilities, state } = cluster;
  const can = {
    interrupt: capabilities.interrupt_one,
    restart: capabilities.restart_one,
    stop: capabilities.stop_one
  };
  if (!can[verb]) {
    return trans.__('This launcher controls its engines only all together');
  }
  if (state !== 'running' && state !== 'starting') {
    return trans.__('The cluster is not running');
  }
  const ended = engine.state === 'lost' || engine.state === 'exited';
  return ended && verb !== 'restart' ? trans.__('This engine has ended') : '';
}
