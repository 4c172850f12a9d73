/** What the table says about an engine. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { EngineState, IEngine } from '../../cluster/state';

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

/** What a state means where its word does not say it; else an empty text. */
export function stateMeaning(
  engine: IEngine,
  trans: TranslationBundle
): string {
  if (engine.cause) {
    return engine.cause.sentence;
  }
  const means: Partial<Record<EngineState, string>> = {
    queued: trans.__('Waits for its turn to start.'),
    unregistered: trans.__(
      'The process runs, but it has not registered with the controller.'
    )
  };
  return means[engine.state] ?? '';
}

/** Whether it has ended: its numbers are those of the past. */
export function hasEnded(engine: IEngine): boolean {
  return engine.state === 'exited' || engine.state === 'lost';
}
