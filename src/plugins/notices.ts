/** A notice that follows a start begun in this tab until it runs or fails. */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import type { ICluster } from '../cluster/state';
import { nameOf } from '../cluster/summary';
import type { IClusters } from '../tokens';
import { CommandIDs } from '../tokens';

/** A start quicker than this needs no notice of its progress (milliseconds). */
const QUICK = 1500;

/** Follow the start of one cluster. */
export function followStart(
  clusters: IClusters,
  key: string,
  commands: CommandRegistry,
  trans: TranslationBundle
): void {
  let id: string | null = null;
  const begun = Date.now();
  const look = (): void => {
    const cluster = clusters.get(key);
    if (
      !cluster ||
      cluster.state === 'stopping' ||
      cluster.state === 'stopped'
    ) {
      end();
      if (id) {
        Notification.dismiss(id);
      }
    } else if (cluster.state === 'starting') {
      progress(cluster);
    } else if (cluster.state === 'running') {
      end();
      ready(cluster);
    } else {
      end();
      failed(cluster);
    }
  };
  const end = (): void => {
    clusters.changed.disconnect(look);
    window.clearTimeout(timer);
  };
  const progress = (cluster: ICluster): void => {
    if (Date.now() - begun < QUICK) {
      return;
    }
    const { wanted, engines } = cluster;
    const message = trans.__(
      '%1: %2 of %3 engines registered',
      nameOf(cluster),
      engines.registered,
      wanted
    );
    const share = wanted > 0 ? engines.registered / wanted : 0;
    if (id) {
      Notification.update({ id, message, progress: share });
    } else {
      id = Notification.emit(message, 'in-progress', { progress: share });
    }
  };
  const ready = (cluster: ICluster): void => {
    if (id) {
      const message = trans.__(
        '%1 runs with %2 engines',
        nameOf(cluster),
        cluster.engines.registered
      );
      Notification.update({ id, message, type: 'success', autoClose: 3000 });
    }
  };
  const failed = (cluster: ICluster): void => {
    const cause = cluster.failure?.cause ?? trans.__('it failed');
    const message = `${nameOf(cluster)}: ${cause}`.slice(0, 140);
    const log = cluster.failure?.log ?? 'controller';
    const actions = [
      {
        label: trans.__('Show log'),
        callback: () => void commands.execute(CommandIDs.openLog, { key, log })
      }
    ];
    if (id) {
      Notification.update({ id, message, type: 'error', actions });
    } else {
      Notification.error(message, { actions, autoClose: false });
    }
  };
  const timer = window.setTimeout(look, QUICK + 50);
  clusters.changed.connect(look);
  look();
}
