/** What logs and panels are called, where the server has not told a title. */
import type { TranslationBundle } from '@jupyterlab/translation';

import { nameOf } from '../../cluster/summary';

/** The slot whose log this is; null for the others. */
export function slotOf(log: string): number | null {
  const match = /^slot-(\d+)$/.exec(log);
  return match ? Number(match[1]) : null;
}

export function logName(log: string, trans: TranslationBundle): string {
  const slot = slotOf(log);
  if (slot !== null) {
    return trans.__('slot %1', slot);
  }
  const names: Record<string, string> = {
    controller: trans.__('controller'),
    all: trans.__('all logs'),
    submit: trans.__('submission'),
    job: trans.__('job')
  };
  return names[log] ?? log;
}

/** The name of the cluster with this key, also when it is not there. */
export function clusterName(key: string): string {
  const colon = key.lastIndexOf(':');
  return colon < 0
    ? key
    : nameOf({
        profile: key.slice(0, colon),
        cluster_id: key.slice(colon + 1)
      });
}

export function panelTitle(
  key: string,
  log: string,
  trans: TranslationBundle
): string {
  return trans.__('Log: %1 %2', clusterName(key), logName(log, trans));
}
