/** What a row says about a cluster. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Asked, ClusterState, ICluster, Step } from '../../cluster/state';

/** State by shape: told apart without colour. */
export const SHAPES: Readonly<Record<ClusterState, string>> = {
  stopped: '○',
  starting: '◔',
  running: '●',
  stopping: '◑',
  failed: '▲'
};

/** The word for a state; a running cluster that lacks engines says so. */
export function stateWord(cluster: ICluster, trans: TranslationBundle): string {
  const words: Record<ClusterState, string> = {
    stopped: trans.__('stopped'),
    starting: trans.__('starting'),
    running: cluster.degraded ? trans.__('degraded') : trans.__('running'),
    stopping: trans.__('stopping'),
    failed: trans.__('failed')
  };
  return words[cluster.state];
}

/** What was asked for and is not seen yet. */
export function askedWord(asked: Asked, trans: TranslationBundle): string {
  const words: Record<Asked, string> = {
    start: trans.__('asked to start'),
    stop: trans.__('asked to stop'),
    scale: trans.__('asked to scale'),
    interrupt: trans.__('asked to interrupt')
  };
  return words[asked];
}

/** What is being done, while something is. */
export function stepWords(cluster: ICluster, trans: TranslationBundle): string {
  const { engines, job, wanted } = cluster;
  const steps: Record<Step, string> = {
    controller: trans.__('Starting the controller…'),
    submit: trans.__('Submitting the job…'),
    queue: job?.explanation ?? job?.reason ?? trans.__('Waiting in the queue…'),
    engines: trans.__('%1 of %2 registered', engines.registered, wanted),
    drain: trans._n(
      'Waiting for %1 engine to end…',
      'Waiting for %1 engines to end…',
      Math.max(
        0,
        engines.launched - (cluster.state === 'stopping' ? 0 : wanted)
      )
    )
  };
  return cluster.step ? steps[cluster.step] : '';
}

/** Counts of a running cluster in one line. */
export function countWords(
  cluster: ICluster,
  trans: TranslationBundle
): string {
  const { registered, busy, lost, launched } = cluster.engines;
  const words = [
    registered === cluster.wanted
      ? trans._n('%1 engine', '%1 engines', registered)
      : trans.__('%1 of %2 engines', registered, cluster.wanted)
  ];
  if (busy > 0) {
    words.push(trans.__('%1 busy', busy));
  }
  if (launched > registered) {
    words.push(trans.__('%1 not registered', launched - registered));
  }
  if (lost > 0) {
    words.push(trans.__('%1 lost', lost));
  }
  return words.join(' · ');
}
