/** Clusters in JupyterLab's list of what is running. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import type { IRunningSessions } from '@jupyterlab/running';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { Throttler } from '@lumino/polling';
import { Signal } from '@lumino/signaling';

import type { ICluster } from '../cluster/state';
import { isActive, nameOf } from '../cluster/summary';
import { CommandIDs, IClusters } from '../tokens';
import { clusterIcon } from './icons';

/** At most one redraw of that list in so many milliseconds. */
const CALM = 100;

/** Adds clusters to the list of what is running. */
export const running: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:running',
  description: 'Shows clusters among the running sessions.',
  autoStart: true,
  requires: [IClusters],
  optional: [IRunningSessionManagers, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    managers: IRunningSessionManagers | null,
    translator: ITranslator | null
  ): void => {
    if (!managers) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    const changed = new Signal<IClusters, void>(clusters);
    const calm = new Throttler(() => changed.emit(), { limit: CALM });
    clusters.changed.connect(() => void calm.invoke());

    const item = (cluster: ICluster): IRunningSessions.IRunningItem => ({
      open: () =>
        void app.commands.execute(CommandIDs.show, { key: cluster.key }),
      shutdown: () =>
        void app.commands.execute(CommandIDs.stop, { key: cluster.key }),
      icon: (): LabIcon => clusterIcon,
      label: () => nameOf(cluster),
      labelTitle: () => cluster.key,
      detail: () =>
        trans.__('%1 of %2 engines', cluster.engines.registered, cluster.wanted)
    });

    managers.add({
      name: trans.__('Clusters'),
      supportsMultipleViews: true,
      running: () => clusters.all.filter(isActive).map(item),
      shutdownAll: () =>
        clusters.all.filter(isActive).forEach(cluster => {
          void clusters.stop(cluster.key).catch(refused);
        }),
      refreshRunning: () => undefined,
      runningChanged: changed,
      shutdownLabel: trans.__('Stop'),
      shutdownAllLabel: trans.__('Stop All'),
      shutdownAllConfirmationText: trans.__(
        'Stop all clusters? What their engines compute is lost.'
      )
    });
  }
};

function refused(error: unknown): void {
  Notification.error(error instanceof Error ? error.message : String(error));
}
