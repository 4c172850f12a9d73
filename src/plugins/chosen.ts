/** Which cluster a command is about. */
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { ICluster } from '../cluster/state';
import type { IClusters } from '../tokens';

/** JSON schema of the argument, for those who run commands by name. */
export const KEY = {
  key: {
    type: 'string',
    description: 'The cluster, as profile:cluster_id; absent: the selected one.'
  }
} as const;

/** The same of a number of engines. */
export const ENGINES = {
  engines: {
    type: 'integer',
    minimum: 0,
    description: 'How many engines; absent: as last time.'
  }
} as const;

/** The named cluster, else the selected one, else the only one. */
export function chosen(
  clusters: IClusters,
  args: ReadonlyPartialJSONObject
): ICluster | undefined {
  const key = typeof args.key === 'string' ? args.key : clusters.selected;
  if (key !== null) {
    return clusters.get(key);
  }
  return clusters.all.length === 1 ? clusters.all[0] : undefined;
}

/** How many engines a command was asked for, if it was. */
export function enginesIn(args: ReadonlyPartialJSONObject): number | undefined {
  return typeof args.engines === 'number' ? args.engines : undefined;
}
