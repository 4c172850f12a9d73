/** The sentence at the foot of a log: why there is no more of it. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IEngine } from '../../cluster/state';
import { isFresh } from '../../cluster/summary';
import type { IClusters } from '../../tokens';
import type { Where } from './reading';

export interface IStanding {
  readonly clusters: Pick<IClusters, 'get' | 'link' | 'ready'>;
  readonly key: string;
  /** The engine whose log this is, if it is one's. */
  readonly engine: IEngine | undefined;
  readonly where: Where;
  readonly error: string | null;
}

/** Whether the server says that there is no such cluster. */
export function isForgotten({ clusters, key }: IStanding): boolean {
  return clusters.ready && isFresh(clusters.link) && !clusters.get(key);
}

/** The gravest thing to say; empty when all is well. */
export function footOf(standing: IStanding, trans: TranslationBundle): string {
  const { clusters, engine, where, error } = standing;
  if (clusters.link === 'reconnecting') {
    return trans.__('Reconnecting…');
  }
  if (isForgotten(standing)) {
    return trans.__('This cluster was forgotten; its logs are gone.');
  }
  if (error !== null) {
    return error;
  }
  if (engine && (engine.state === 'lost' || engine.state === 'exited')) {
    return (
      engine.cause?.sentence ??
      (engine.state === 'lost'
        ? trans.__('This engine is lost.')
        : trans.__('This engine has ended.'))
    );
  }
  if (where === 'loading') {
    return trans.__('Loading…');
  }
  return where === 'apart'
    ? trans.__('Newer lines are not shown; Follow goes to the end.')
    : '';
}
